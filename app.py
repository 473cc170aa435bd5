"""Structure Studio: `python app.py` opens the page on this machine.

Options and what follows from them are in `deployment.py`; `lora_ui.py` composes the page. Whatever a run needs that is
slow to import (torch, diffusers, librosa) loads when it is first used.
"""

import contextlib
import os
import re
import socket
import subprocess
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from deployment import NO_TRAINING, PORT, StartError, decide, get_parser
from structure.errors import StudioError

PORTS_TRIED = 50
DEMO_SECONDS = 60.0
ROOT = Path(__file__).resolve().parent
QUIET = {  # nobody asked for usage statistics; read by the libraries when they are imported
    "GRADIO_ANALYTICS_ENABLED": "False",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "DISABLE_TELEMETRY": "1",
    "DO_NOT_TRACK": "1",
}


def choose_port(host: str, port: int | None) -> int:
    """The port asked for, else the first free one from the usual one on.

    Raises:
        StartError: the port asked for is taken, or none is free.
    """
    wanted = [port] if port is not None else range(PORT, PORT + PORTS_TRIED)
    for number in wanted:
        if not 0 < number < 65536:
            raise StartError(f"--port {number}: a port is a number from 1 to 65535.")
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            if os.name != "nt":  # there it would let two programs share a port
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, number))
            except OSError as problem:
                if port is not None:
                    raise StartError(f"--port {number} on {host} cannot be used ({problem.strerror}).") from problem
                continue
        if port is None and number != PORT:
            print(f"Port {PORT} is taken: using {number}.")
        return number
    raise StartError(f"No free port from {PORT} to {PORT + PORTS_TRIED - 1}: choose one with --port.")


def check_model(model: str) -> str:
    """The model as given, a folder by its whole path, refused at once where it can be neither a folder nor a hub id.

    Raises:
        StartError: it is neither.
    """
    if model != "starter" and (folder := Path(model).expanduser()).is_dir():
        return str(folder.resolve())  # runs are processes that begin elsewhere
    if model == "starter" or re.fullmatch(r"[\w.-]+/[\w.-]+", model):
        return model
    raise StartError(
        f"--model {model}: there is no such folder, and a hub id reads OWNER/NAME. `starter` ships with this."
    )


def choose_dataset(folder: Path | None) -> tuple[Path, subprocess.Popen | None]:
    """The songs to open on: the folder given, else the demo dataset.

    Returns:
        The folder, and the process that is still making its songs, if any.

    Raises:
        StartError: the folder given does not exist, or the demo's cannot be made.
    """
    if folder is not None:
        if not folder.expanduser().is_dir():
            raise StartError(f"--dataset {folder}: there is no such folder.")
        return folder.expanduser().resolve(), None
    from acestep.starter.demo import demo_folder, is_whole

    demo = demo_folder()
    if is_whole(demo):
        return demo, None
    try:
        demo.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise StartError(f"{demo}: cannot be made ({problem.strerror}). Choose songs with --dataset.") from problem
    # Its own process: the songs take seconds of one core, and the page must not wait for them.
    command = [sys.executable, "-m", "acestep.starter.demo", str(demo)]
    return demo, subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL)


def wait_for(process: subprocess.Popen | None) -> None:
    """Return once the demo songs are made, or after a while in any case: the page then shows what there is."""
    if process is not None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(DEMO_SECONDS)


def has_screen() -> bool:
    """Whether a browser window can be opened here."""
    return os.name == "nt" or sys.platform == "darwin" or any(map(os.environ.get, ("DISPLAY", "WAYLAND_DISPLAY")))


def main(argv: Sequence[str] | None = None) -> int:
    """Start the page and serve it until interrupted; 2 where it cannot start as asked."""
    try:
        arguments = get_parser().parse_args(argv)
        here = decide(arguments)
        model = check_model(arguments.model)
        port = choose_port(here.host, arguments.port)
        dataset, making = choose_dataset(arguments.dataset)
    except StudioError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    from lora_ui import begin, build_app, launch

    no_training = "" if here.training else NO_TRAINING
    begin(here.training)
    page = build_app(dataset, model, here.local, partial(wait_for, making), here.copies, no_training)
    open_browser = here.local and has_screen() and not arguments.no_browser
    launch(page, here.host, port, here.auth, open_browser, here.root_path)
    return 0


if __name__ == "__main__":
    sys.exit(main())
