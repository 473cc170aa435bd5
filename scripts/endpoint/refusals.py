"""What an answer that is no song means, and what to do about it."""

import email.utils
import http.client
import json
import socket
import ssl
import time
import urllib.error
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from errors import EndpointError, one_line

PASSING = (408, 429, 502, 503, 504)  # statuses that pass by themselves
OF_THE_SONG = (400, 413, 422, 500, 504)  # statuses that tell nothing of the next request


@dataclass(frozen=True)
class Reply:
    """One HTTP answer, whole; its headers' names in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def refusal(url: str, has_token: bool, reply: Reply) -> EndpointError:
    """The error that an answer with another status than 200 stands for.

    Args:
        url: the endpoint's.
        has_token: whether one was sent.
        reply: what came back.
    """
    status, said = reply.status, _said(reply.body)
    if 300 <= status < 400:
        where = one_line(reply.headers.get("location", "nowhere"))
        text = f"{url} sends its callers on to {where}. Give that as --url if you trust it with your token."
    elif status in (401, 403):
        lead = "refuses the token" if has_token else "asks for a token, and none is set"
        text = f"{url} {lead}: set ACE_TOKEN (HF_TOKEN goes to Hugging Face only) to one that it knows. {said}"
    elif status in (404, 405):
        text = f"{url} answers, but there is no endpoint for songs ({status}): check --url. {said}"
    elif status == 413:
        text = f"The request is too large: shorten the lyrics. {said}"
    else:
        text = f"{url} answered {status}: {said or http.client.responses.get(status, 'unknown')}"
    return EndpointError(
        text.strip(),
        final=status not in PASSING,
        retry_after=_seconds(reply.headers.get("retry-after", "")),
        status=status,
        concerns="song" if status in OF_THE_SONG else "endpoint",
    )


def no_answer(url: str, problem: Exception, seconds: float) -> EndpointError:
    """The error that a failed exchange stands for.

    Args:
        url: the endpoint's.
        problem: what the network said.
        seconds: that the exchange was given.
    """
    on_the_way = isinstance(problem, urllib.error.URLError)  # there: connecting and sending; else: waiting and reading
    reason = problem.reason if isinstance(problem, urllib.error.URLError) else problem
    parts, final, of_the_song = urlsplit(url), False, False
    if isinstance(reason, ssl.SSLCertVerificationError):
        final = True
        why = f"the certificate of {parts.hostname} is not valid ({reason.verify_message}). Check --url and the clock."
    elif isinstance(reason, ssl.SSLError) and on_the_way:
        final, why = True, "no TLS is spoken there. Check --url: perhaps it is http."
    elif isinstance(reason, socket.gaierror):
        final = reason.errno != socket.EAI_AGAIN
        why = f"the name {parts.hostname} is not known. Check --url and your network."
    elif isinstance(reason, TimeoutError):
        of_the_song = not on_the_way
        why = f"no whole answer within {seconds:g} s. Ask for less, or give it a longer --timeout."
    elif isinstance(reason, ConnectionRefusedError):
        why = "nothing listens there. Start the server, or check --url."
    else:
        why = f"the answer broke off ({one_line(str(reason)) or type(reason).__name__})."
    return EndpointError(f"{url}: {why}", final=final, concerns="song" if of_the_song else "endpoint")


def _said(body: bytes) -> str:
    """The endpoint's own sentence: its `error`, or the beginning of whatever a proxy wrote."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError):
        return one_line(body[:1000].decode("utf-8", "replace"), 120)
    said = data.get("error", data.get("detail", "")) if isinstance(data, dict) else data
    return one_line(said if isinstance(said, str) else json.dumps(said))


def _seconds(header: str) -> float | None:
    """`Retry-After`, which is a number of seconds or a date."""
    if header.strip().isdecimal():
        return float(header)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None
