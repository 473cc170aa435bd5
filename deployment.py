"""Where the page is served: its options, to whom it listens, under which path, and what visitors may do there.

Every option can stand in the environment, `--root-path` as `STUDIO_ROOT_PATH`, for places such as a Hugging Face Space
that start `app.py` and cannot give it any.
"""

import argparse
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from structure.errors import StudioError

PORT = 7860
LOOPBACK = ("127.0.0.1", "localhost", "::1")
NO_TRAINING = (
    "Training is off on this page, which strangers share. Whoever runs it turns it on with STUDIO_TRAINING=on; of a "
    "Hugging Face Space, make a copy on hardware of your own first."
)
_ON, _OFF = ("on", "1", "true", "yes"), ("off", "0", "false", "no", "")
_PATH = re.compile(r"(https?://[\w.:\[\]-]+)?(/[\w.~-]+)*/?", re.ASCII)


class StartError(StudioError):
    """The page cannot start as asked."""


@dataclass(frozen=True)
class Deployment:
    """Who can reach the page, and what they may do.

    Attributes:
        host: address to listen on.
        auth: user and password; None where nobody has to log in.
        root_path: what stands before the page's own paths in a visitor's browser, "" at the root of a site.
        local: only people at this very machine use it, so they may name folders of it.
        copies: each visitor marks a copy of the dataset, and strangers never meet.
        training: runs may be started from the page.
    """

    host: str
    auth: tuple[str, str] | None
    root_path: str
    local: bool
    copies: bool
    training: bool


def get_parser(environment: Mapping[str, str] = os.environ) -> argparse.ArgumentParser:
    """The command line; what it does not say, the environment may."""
    parser = argparse.ArgumentParser(
        description="Structure Studio for ACE-Step: mark sections, train, ask, hear.",
        epilog="Each option may stand in the environment instead: STUDIO_MODEL for --model, STUDIO_TRUSTED_NETWORK=on "
        "for a switch.",
    )

    def option(name: str, **settings: Any) -> None:
        told = environment.get(_variable(name))
        parser.add_argument(name, **settings | ({"default": told} if told else {}))

    def switch(name: str, help: str) -> None:
        parser.add_argument(name, action="store_true", default=_is_on(_variable(name), environment), help=help)

    option("--dataset", type=Path, help="folder of songs and sidecars (default: demo songs, made here)")
    option("--model", default="starter", help="starter, a diffusers folder or a hub id (default: starter)")
    option("--host", help="address to listen on; any but this machine's needs --auth or --trusted-network")
    option("--port", type=int, help=f"port to listen on (default: {PORT}, or the next free one)")
    option("--auth", metavar="USER:PASSWORD", help="ask visitors to log in")
    switch("--trusted-network", "everybody who can reach --host may use the page, without a login")
    option(
        "--root-path",
        metavar="/PATH",
        default=environment.get("GRADIO_ROOT_PATH") or None,
        help="the page stands behind a reverse proxy, under this path (`/`: at the root of a site)",
    )
    option(
        "--training",
        choices=("on", "off"),
        help="whether runs may be started from the page (default: on, and off in a Hugging Face Space)",
    )
    switch("--no-browser", "do not open the page in a browser")
    return parser


def decide(arguments: argparse.Namespace, environment: Mapping[str, str] = os.environ) -> Deployment:
    """What the options come to.

    Raises:
        StartError: other machines could reach the page and nobody agreed to that, or an option makes no sense.
    """
    is_space = bool(environment.get("SPACE_ID"))
    auth = parse_auth(arguments.auth)
    host = choose_host(arguments.host, auth, arguments.trusted_network, is_space)
    root_path = check_root_path(arguments.root_path)
    training = arguments.training or ("off" if is_space else "on")
    if training not in ("on", "off"):  # argparse lets a default pass
        raise StartError(f"STUDIO_TRAINING is {training!r}: write on or off.")
    return Deployment(
        host=host,
        auth=auth,
        root_path=root_path or "",
        # Who comes through a proxy sits elsewhere, even where the proxy does not.
        local=host in LOOPBACK and root_path is None and not is_space,
        copies=is_space,
        training=training == "on",
    )


def parse_auth(text: str | None) -> tuple[str, str] | None:
    """`USER:PASSWORD` as a pair.

    Raises:
        StartError: one of the two is missing.
    """
    if text is None:
        return None
    user, colon, password = text.partition(":")
    if not (user and colon and password):
        raise StartError("--auth wants USER:PASSWORD, both not empty.")
    return user, password


def choose_host(host: str | None, auth: tuple[str, str] | None, trusted: bool, is_space: bool) -> str:
    """The address to listen on: this machine's own unless asked; a Space listens to its own gate.

    Raises:
        StartError: other machines could reach the page, nobody would have to log in, and nobody said that this is
            meant.
    """
    if host is None:
        return "0.0.0.0" if is_space else LOOPBACK[0]
    if host not in LOOPBACK and auth is None and not (trusted or is_space):
        raise StartError(
            f"--host {host} opens the page to other machines: ask visitors to log in with --auth USER:PASSWORD, or say "
            "--trusted-network if everybody who can reach it may use it."
        )
    return host


def check_root_path(path: str | None) -> str | None:
    """`/studio/` as Gradio wants it, `/studio`; "" for the root of a site, None where there is no proxy.

    Raises:
        StartError: it is neither a path nor an address.
    """
    if path is None:
        return None
    if not (path and _PATH.fullmatch(path)) or ".." in path:
        raise StartError(f"--root-path {path}: write a path such as /studio, or the whole https://host/studio.")
    return path.rstrip("/")


def _variable(option: str) -> str:
    return "STUDIO_" + option.lstrip("-").replace("-", "_").upper()


def _is_on(variable: str, environment: Mapping[str, str]) -> bool:
    """Whether a switch is on in the environment.

    Raises:
        StartError: it says neither on nor off; a slip must not open a page.
    """
    told = environment.get(variable, "").strip().lower()
    if told not in (*_ON, *_OFF):
        raise StartError(f"{variable} is {told!r}: write on or off.")
    return told in _ON
