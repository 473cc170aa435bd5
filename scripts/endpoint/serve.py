"""Serve songs over HTTP on this machine: `python scripts/endpoint/serve.py`, the contract of `handler.py`.

ACE_MODEL_REPO, ACE_ADAPTERS and the other variables say what is served (docs/endpoint.md). A token is asked for where
ACE_TOKEN is set. Ctrl+C finishes the song that is being made and refuses the rest; a second Ctrl+C ends at once.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import acestep  # noqa: F401  before torch
from structure.errors import StudioError

LOOPBACK = ("127.0.0.1", "localhost", "::1")


def get_parser() -> argparse.ArgumentParser:
    """The command line; what is served comes from the environment, as at a hosted endpoint."""
    parser = argparse.ArgumentParser(prog="scripts/endpoint/serve.py", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--host", default=LOOPBACK[0], help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8080, help="port (default: 8080)")
    parser.add_argument("--queue", type=int, default=8, help="requests that may wait; more get 429 (default: 8)")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds of a request, waiting too (default: 600)")
    parser.add_argument(
        "--trusted-network", action="store_true", help="serve other machines without a token: all of them are trusted"
    )
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until told to end; exit status 2 where it cannot begin."""
    options = get_parser().parse_args(arguments)
    token = os.environ.get("ACE_TOKEN") or None
    if options.host not in LOOPBACK and token is None and not options.trusted_network:
        print(
            f"error: --host {options.host} opens the endpoint to other machines: set ACE_TOKEN in the environment, or "
            "add --trusted-network where everybody who can reach it may use it.",
            file=sys.stderr,
        )
        return 2
    if options.queue < 0 or options.timeout <= 0:
        print("error: --queue is a number from 0 on, --timeout a positive number of seconds.", file=sys.stderr)
        return 2
    import uvicorn

    from serving.line import Line
    from serving.server import Server, build_server
    from serving.service import SongService
    from serving.settings import read_environment

    try:
        service = SongService(read_environment())
    except StudioError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    line = Line(options.queue, options.timeout)
    config = uvicorn.Config(
        build_server(service, line, token),
        host=options.host,
        port=options.port,
        log_level="warning",
        access_log=False,
        server_header=False,
    )
    print(
        f"Endpoint: http://{options.host}:{options.port}/  (/docs tells what may be asked; Ctrl+C ends it)", flush=True
    )
    Server(config, line).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
