"""What is wrong with my endpoint? `python test_connection.py` asks step by step and stops at the first thing to mend.

Exit status 0: a song came back; 1: a check failed; 2: the command cannot be carried out as it stands.
"""

import argparse
import json
import socket
import ssl
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

sys.path.append(str(Path(__file__).resolve().parent))  # the clients travel as one folder, wherever it is copied

from arguments import add_endpoint_flags, endpoint_of
from client import Endpoint
from errors import ClientError, EndpointError, one_line
from refusals import no_answer, refusal

REACH_SECONDS = 10.0  # for everything but the song
LEFT_TO_PROXY = "left to the proxy of the environment"


def check_name(endpoint: Endpoint) -> str:
    """Whether the machine's name is known."""
    if endpoint.proxied:
        return LEFT_TO_PROXY
    try:
        found = socket.getaddrinfo(endpoint.host, endpoint.port, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise no_answer(endpoint.url, problem, REACH_SECONDS) from problem
    return f"{endpoint.host} is {', '.join(sorted({str(address[4][0]) for address in found}))}"


def check_port(endpoint: Endpoint) -> str:
    """Whether anything listens."""
    if endpoint.proxied:
        return LEFT_TO_PROXY
    try:
        socket.create_connection((endpoint.host, endpoint.port), REACH_SECONDS).close()
    except TimeoutError as problem:
        raise ClientError(
            f"port {endpoint.port} of {endpoint.host} says nothing: a firewall may be in between. Check the port in "
            "--url, and which ports the server's machine lets in."
        ) from problem
    except OSError as problem:
        raise no_answer(endpoint.url, problem, REACH_SECONDS) from problem
    return f"port {endpoint.port} answers"


def check_tls(endpoint: Endpoint) -> str:
    """Whether the line is encrypted, by whom it says it is."""
    if urlsplit(endpoint.url).scheme == "http":
        return "plain http, on this machine" if endpoint.is_here else "plain http: anyone on the way can listen"
    if endpoint.proxied:
        return LEFT_TO_PROXY
    try:
        with (
            socket.create_connection((endpoint.host, endpoint.port), REACH_SECONDS) as line,
            ssl.create_default_context().wrap_socket(line, server_hostname=endpoint.host) as encrypted,
        ):
            return f"{encrypted.version()}, the certificate is valid"
    except ssl.SSLCertVerificationError as problem:
        raise no_answer(endpoint.url, problem, REACH_SECONDS) from problem
    except OSError as problem:
        raise ClientError(
            f"no TLS is spoken at port {endpoint.port} ({one_line(str(problem))}). Perhaps it is http: check --url."
        ) from problem


def check_health(endpoint: Endpoint) -> str:
    """Whether the process lives."""
    reply = endpoint.call("GET", "/health", timeout=REACH_SECONDS)
    if reply.status in (401, 403):
        return "it lives, and lets nobody in without a token"
    if reply.status in (404, 405):
        return "there is no /health; something answers"
    if reply.status != 200:
        raise refusal(endpoint.url, bool(endpoint.token), reply)
    return "it lives"


def check_token(endpoint: Endpoint) -> str:
    """Whether the endpoint takes the token: an empty request is refused for that first, if at all."""
    reply = endpoint.call("POST", "/", {}, timeout=REACH_SECONDS)
    if reply.status in (401, 403) or 300 <= reply.status < 400:
        raise refusal(endpoint.url, bool(endpoint.token), reply)
    if reply.status >= 500:
        return f"not to be told while the endpoint answers {reply.status}"
    return "accepted" if endpoint.token else "none set, none asked for"


def check_ready(endpoint: Endpoint) -> str:
    """Whether the model is loaded."""
    reply = endpoint.call("GET", "/ready", timeout=REACH_SECONDS)
    if reply.status in (404, 405):
        return "there is no /ready; the song will tell"
    try:
        data = json.loads(reply.body)
    except ValueError:
        data = None
    data = data if isinstance(data, dict) else {}
    if reply.status != 200:
        if reply.status == 503 and data.get("status") in ("starting", "stopping"):
            raise ClientError(f"it is {data['status']}. Wait a minute and try again; its own log tells how far it is.")
        raise refusal(endpoint.url, bool(endpoint.token), reply)
    adapters = ", ".join(map(str, data.get("adapters", []))) or "none named"
    return one_line(f"model {data.get('model')}, adapters {adapters}, {data.get('waiting')} waiting")


def check_song(endpoint: Endpoint) -> str:
    """Whether a song comes back, whole."""
    answer = endpoint.ask({"caption": "a short test", "duration": 1.0, "seed": 1})
    made = answer.timings.get("generate")
    share = f", {made:.1f} s of them making it" if isinstance(made, int | float) else ""
    return f"a song of 1 s: {len(answer.audio)} bytes of {answer.format} in {answer.round_trip:.1f} s{share}"


def check_round_trip(endpoint: Endpoint) -> str:
    """How far away it is."""
    times = []
    for _ in range(5):
        started = time.perf_counter()
        endpoint.call("GET", "/health", timeout=REACH_SECONDS)
        times.append(time.perf_counter() - started)
    return f"{1000 * statistics.median(times):.0f} ms there and back (median of 5)"


CHECKS: tuple[tuple[str, Callable[[Endpoint], str]], ...] = (
    ("name", check_name),
    ("port", check_port),
    ("TLS", check_tls),
    ("health", check_health),
    ("token", check_token),
    ("ready", check_ready),
    ("song", check_song),
    ("round trip", check_round_trip),
)


def main(argv: Sequence[str] | None = None) -> int:
    """Run the checks in their order."""
    parser = argparse.ArgumentParser(prog="test_connection.py", description=__doc__.split("\n")[0])
    add_endpoint_flags(parser)
    arguments = parser.parse_args(argv)
    name = "URL"
    try:
        endpoint = endpoint_of(arguments)
        print(f"ok  {name}: {endpoint.url}", flush=True)
        for name, check in CHECKS:
            print(f"ok  {name}: {check(endpoint)}", flush=True)
    except EndpointError as problem:
        print(f"FAILED  {name}: {problem.without(endpoint.token)}", flush=True)
    except ClientError as problem:
        print(f"FAILED  {name}: {problem}", flush=True)
    except KeyboardInterrupt:
        return 130
    else:
        return 0
    return 2 if name == "URL" else 1


if __name__ == "__main__":
    sys.exit(main())
