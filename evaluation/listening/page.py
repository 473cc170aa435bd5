"""The page for listeners, and its server. `session.py` answers; nothing here knows of arms.

Beside Gradio's own page there is one address, `/clip/ID?listener=TOKEN`: a clip of the trial that this listener is at.
"""

from __future__ import annotations

import os
import socket
from pathlib import Path

import fastapi
import gradio as gr
import uvicorn

from evaluation.listening.answers import progress
from evaluation.listening.commands import DEFAULT_PORT
from evaluation.listening.serving import SERVER_FILE, link
from evaluation.listening.session import answer_trial, clip_for, open_session
from evaluation.listening.store import ListeningError, open_test, write_json
from structure.errors import StudioError
from structure.processes import process_start

_HERE = Path(__file__).resolve().parent
_PAGE_CSS = """
.gradio-container { padding: 0 !important; }
.gradio-container .main.app { padding: 8px 12px 24px; max-width: 720px; margin: 0 auto; }
.gradio-container footer { display: none !important; }
"""


class ListeningPage(gr.HTML):
    """Trials, one after another; all of it is drawn by the browser from what `session.py` answers."""

    def __init__(self, folder: Path) -> None:
        def open_sheet(asked: object) -> dict:
            return open_session(folder, asked)

        def answer(asked: object) -> dict:
            return answer_trial(folder, asked)

        html, css, js = ((_HERE / f"page.{form}").read_text(encoding="utf-8") for form in ("html", "css", "js"))
        super().__init__(
            html_template=html,
            css_template=css,
            js_on_load=js,
            server_functions=[open_sheet, answer],
            apply_default_css=False,
        )


def build_page(folder: Path) -> gr.Blocks:
    """The page of one test."""
    with gr.Blocks(title="Listening test", analytics_enabled=False) as page:
        ListeningPage(folder)
    return page


def build_server(folder: Path) -> fastapi.FastAPI:
    """The page and its clips as one application."""
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)

    @app.get("/clip/{clip}")
    def clip(clip: str, listener: str = "") -> fastapi.Response:
        try:
            sound = clip_for(folder, listener, clip)
        except StudioError:  # why is nobody's business who has no such clip
            return fastapi.Response("There is no such clip.", status_code=404, media_type="text/plain")
        return fastapi.Response(sound, media_type="audio/wav", headers={"Cache-Control": "no-store"})

    return gr.mount_gradio_app(
        app,
        build_page(folder),
        path="/",
        theme=gr.themes.Base(
            primary_hue="teal", neutral_hue="slate", font=("system-ui", "sans-serif"), font_mono="monospace"
        ),
        css=_PAGE_CSS,
        blocked_paths=[str(folder.resolve())],
        max_file_size="1kb",  # nobody has anything to upload
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        show_error=False,
        enable_monitoring=False,
    )


def serve(folder: Path, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
    """Serve a test until interrupted; prints each listener's link.

    Args:
        folder: of the test.
        host: address to listen on. The secret in a link is all that another machine needs.
        port: 0 takes a free one.

    Raises:
        ListeningError: no test there, or the port is taken.
    """
    test = open_test(folder)
    progress(test)  # what is broken is said here rather than to a listener
    try:
        listening = socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
    except OSError as problem:
        raise ListeningError(
            f"Port {port} on {host} cannot be used ({problem.strerror}). Choose another one."
        ) from None
    name = f"[{host}]" if ":" in host else host
    url = f"http://{name}:{listening.getsockname()[1]}"
    settings = uvicorn.Config(
        build_server(folder), log_level="warning", server_header=False, access_log=False, timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(settings)
    write_json(folder / SERVER_FILE, {"pid": os.getpid(), "started": process_start(os.getpid()), "url": url})
    try:
        for sheet in test.sheets:
            print(f"{sheet.name}: {link(url, sheet.token)}", flush=True)
        server.run(sockets=[listening])
    finally:
        (folder / SERVER_FILE).unlink(missing_ok=True)
