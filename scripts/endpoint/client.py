"""A music-generation endpoint from the outside: one request in, one song out.

`Endpoint.call` is one HTTP exchange, `Endpoint.ask` one song; `patience.py` asks more than once. The token goes to the
endpoint's own address and nowhere else: no redirect is followed, and no message, log or `repr` holds it.
"""

import http.client
import ipaddress
import json
import os
import time
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from answer import Answer, read_answer
from errors import EndpointError
from refusals import Reply, no_answer, refusal

DEFAULT_URL = "http://127.0.0.1:8080"
LARGEST = 1 << 30  # bytes of an answer: ten minutes of stereo at 48 kHz, 32 bit, in base64, come to 0.3 GB
HUGGING_FACE = (".huggingface.cloud", ".huggingface.co", ".hf.space")


class _AsItIs(urllib.request.HTTPErrorProcessor):
    """Gives every status back as it is; above all, a redirect is not followed, which would take the token along."""

    def http_response(self, _request: urllib.request.Request, response: Any) -> Any:
        return response

    https_response = http_response


@dataclass(frozen=True)
class Endpoint:
    """Where songs come from.

    Attributes:
        url: http or https, with a path where a proxy puts the endpoint below one.
        token: sent as `Authorization: Bearer`; empty sends none.
        timeout: seconds for an answer to arrive whole.
        insecure: send the token over plain http to another machine, where anyone on the way can read it.

    Raises:
        EndpointError: the address or the token cannot be used.
    """

    url: str
    token: str = field(default="", repr=False)
    timeout: float = 600.0
    insecure: bool = False

    def __post_init__(self) -> None:
        if problem := _url_problem(self.url):
            raise EndpointError(f"--url: {problem} Give an address such as {DEFAULT_URL}.", final=True)
        if not all("!" <= c <= "~" for c in self.token):
            raise EndpointError("The token holds a space or a letter that no token has. Copy it again.", final=True)
        if self.token and urlsplit(self.url).scheme == "http" and not self.is_here and not self.insecure:
            raise EndpointError(
                f"{self.url} is another machine's and not encrypted: anyone on the way could read the token. "
                "Use https, or add --insecure where the network between is your own.",
                final=True,
            )

    @property
    def host(self) -> str:
        """Name or number of the machine."""
        return urlsplit(self.url).hostname or ""

    @property
    def port(self) -> int:
        """Where it listens."""
        parts = urlsplit(self.url)
        return parts.port or (443 if parts.scheme == "https" else 80)

    @property
    def is_here(self) -> bool:
        """Whether it is this machine."""
        try:
            return self.host == "localhost" or ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    @property
    def proxied(self) -> bool:
        """Whether requests go through a proxy of the environment; those to this machine never do."""
        scheme = urlsplit(self.url).scheme
        return not self.is_here and scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(self.host)

    def call(self, method: str, path: str, content: Any = None, timeout: float | None = None) -> Reply:
        """One HTTP exchange, whatever its status.

        Args:
            method: GET or POST.
            path: below the endpoint's address, such as `/health`.
            content: sent as JSON; None sends no body.
            timeout: seconds for the whole exchange (default: the endpoint's).

        Raises:
            EndpointError: no whole answer came.
        """
        headers = {"Accept": "application/json", "User-Agent": "structure-studio-client"}
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        body = None
        if content is not None:
            body = json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
            headers["Content-Type"] = "application/json; charset=utf-8"
        request = urllib.request.Request(self.url.rstrip("/") + path, body, headers, method=method)
        direct = [] if self.proxied else [urllib.request.ProxyHandler({})]
        seconds = self.timeout if timeout is None else timeout
        try:
            with urllib.request.build_opener(_AsItIs, *direct).open(request, timeout=seconds) as response:
                received = _read(response, time.monotonic() + seconds)
                headers_received = {name.lower(): value for name, value in response.headers.items()}
                return Reply(response.status, headers_received, received)
        except (OSError, http.client.HTTPException) as problem:
            raise no_answer(self.url, problem, seconds) from problem

    def ask(self, inputs: Mapping[str, Any]) -> Answer:
        """One song, asked for once.

        Args:
            inputs: as the endpoint knows them; `id` is chosen here.

        Raises:
            EndpointError: there is no song, or not this one.
        """
        asked = {**inputs, "id": uuid.uuid4().hex}  # a new one each time: no late answer can be taken for this one's
        started = time.monotonic()
        try:
            reply = self.call("POST", "/", {"inputs": asked})
            if reply.status != 200:
                raise refusal(self.url, bool(self.token), reply)
            body = reply.body
            if len(self.token) >= 16 and self.token.encode() in body:  # shorter ones may stand in any audio
                body = body.replace(self.token.encode(), b"***")
            return read_answer(body, asked, time.monotonic() - started)
        except EndpointError as problem:
            raise problem.without(self.token) from None


def endpoint_of_environment(url: str | None = None, timeout: float = 600.0, insecure: bool = False) -> Endpoint:
    """The endpoint of ACE_ENDPOINT_URL, with the token of ACE_TOKEN or HF_TOKEN.

    HF_TOKEN, which many have set for other things, is sent to Hugging Face's own hosts only.

    Raises:
        EndpointError: the address or the token cannot be used.
    """
    url = (url or os.environ.get("ACE_ENDPOINT_URL") or DEFAULT_URL).strip()
    token = os.environ.get("ACE_TOKEN", "").strip()
    bare = Endpoint(url)
    if not token and bare.host.endswith(HUGGING_FACE) and url.startswith("https:"):
        token = os.environ.get("HF_TOKEN", "").strip()
    return Endpoint(url, token, timeout, insecure)


def _url_problem(url: str) -> str:
    """Why it cannot be an endpoint's address; a password in it is not repeated."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "the port is no number, or the brackets do not close."
    if parts.username is not None or parts.password is not None:
        return "a name or password stands in the address. Put the token into ACE_TOKEN."
    if not all("!" <= c <= "~" for c in url):
        return "the address holds a space or a letter beyond ASCII."
    if parts.scheme not in ("http", "https"):
        return f"{url} begins neither with http:// nor with https://."
    if not parts.hostname or port == 0 or not all(0 < len(part) < 64 for part in parts.hostname.split(".")):
        return f"{url} names no machine and port."
    if parts.query or parts.fragment:
        return "the address goes on with ? or #, which an endpoint's does not."
    return ""


def _read(response: http.client.HTTPResponse, deadline: float) -> bytes:
    """The whole body: a reader that is given a size takes a connection's early end for the end of the content."""
    parts, size = [], 0
    while part := response.read1(1 << 16):
        parts.append(part)
        size += len(part)
        if time.monotonic() > deadline:
            raise TimeoutError
        if size > LARGEST:
            raise EndpointError(f"The answer is larger than {LARGEST >> 20} MB. Ask for a shorter song.", final=True)
    declared = response.headers.get("Content-Length")
    if declared is not None and declared.isdecimal() and int(declared) != size:
        raise http.client.IncompleteRead(b"", int(declared) - size)
    return b"".join(parts)
