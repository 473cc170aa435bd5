"""The whole page behind a reverse proxy that serves it under `/studio/`, as nginx or Caddy would."""

import http.client
import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import numpy as np
import pytest
import soundfile

pytestmark = pytest.mark.browser

PREFIX = "/studio"
BLOCK = 64 * 1024
HOP_BY_HOP = ("connection", "keep-alive", "transfer-encoding", "host")


class StrippingProxy(BaseHTTPRequestHandler):
    """Hands `/studio/x` on as `/x`, answers as they come, and refuses everything else."""

    protocol_version = "HTTP/1.0"  # an answer ends with its connection, so a stream needs no length
    upstream: str  # host and port

    def forward(self) -> None:
        if self.path == PREFIX:
            self.send_response(308)
            self.send_header("Location", PREFIX + "/")
            self.end_headers()
            return
        if not self.path.startswith(PREFIX + "/"):
            self.send_error(404)
            return
        headers = {name: value for name, value in self.headers.items() if name.lower() not in HOP_BY_HOP}
        headers |= {"Host": self.headers["Host"], "X-Forwarded-Host": self.headers["Host"], "X-Forwarded-Proto": "http"}
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
        upstream = http.client.HTTPConnection(self.upstream, timeout=120)
        try:
            upstream.request(self.command, self.path.removeprefix(PREFIX), body, headers)
            answer = upstream.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            while block := answer.read1(BLOCK):
                self.wfile.write(block)
        except (BrokenPipeError, ConnectionResetError, http.client.IncompleteRead):
            pass  # one of the two ends went away
        finally:
            upstream.close()

    do_GET = do_POST = do_HEAD = forward

    def log_message(self, *_: Any) -> None:
        """Nothing on the tests' output."""


@pytest.fixture
def proxy() -> Iterator[Callable[[str], str]]:
    """Puts the proxy in front of a page; its address without the prefix."""
    servers = []

    def start(url: str) -> str:
        handler = type("Proxy", (StrippingProxy,), {"upstream": urlsplit(url).netloc})
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    """A dataset of one song."""
    folder = tmp_path / "songs"
    folder.mkdir()
    noise = 0.1 * np.random.default_rng(1).standard_normal(22_050 * 30)
    soundfile.write(folder / "song.wav", noise, 22_050)
    return folder


def is_trouble(answer: Any) -> bool:
    """Gradio's client cancels a task that the server has not numbered yet by a request that says too little."""
    is_early = answer.status == 422 and answer.url.endswith(("/gradio_api/cancel", "/gradio_api/reset"))
    return answer.status >= 400 and not is_early


def test_mark_upload_generate_and_hear_under_a_sub_path(studio, proxy, browser, songs, tmp_path):
    running = studio("--root-path", "/studio", "--dataset", str(songs))
    address = proxy(running.url)
    page = browser.new_context(viewport={"width": 1280, "height": 900}).new_page()
    page.set_default_timeout(30_000)
    asked: list[str] = []
    troubles: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("response", lambda answer: is_trouble(answer) and troubles.append(f"{answer.status} {answer.url}"))
    page.goto(address + PREFIX)

    # The song is drawn (Plotly, envelope), and plays.
    page.wait_for_selector('#annotate-timeline .sst[data-song="song.wav"][data-drawn]')
    page.wait_for_selector("#annotate-timeline .sst-plot .xtick", state="attached")
    wave = page.locator("#annotate-timeline .sst-wave").bounding_box()
    page.mouse.click(wave["x"] + wave["width"] / 3, wave["y"] + wave["height"] * 0.4)  # a part begins
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('#annotate-timeline audio').currentTime > 10.2")
    page.keyboard.press("Space")
    page.locator("#annotate-timeline .sst-save").get_by_text("2 sections").wait_for()
    marked = json.loads((songs / "song.json").read_text())["events"]
    assert [event["start"] for event in marked] == [0, pytest.approx(10, abs=0.5)]

    # A song that is added goes up to the server, and is opened there.
    extra = tmp_path / "extra.wav"
    soundfile.write(extra, 0.1 * np.random.default_rng(2).standard_normal(22_050 * 5), 22_050)
    with page.expect_file_chooser() as chosen:
        page.locator("#annotate-upload").click()
    chosen.value.set_files(str(extra))
    page.wait_for_selector('#annotate-timeline .sst[data-song="extra.wav"][data-drawn]')

    # A song is made, which goes through the queue, and can be played.
    page.get_by_role("tab", name="Generate").click()
    structure = page.get_by_label("Structure", exact=True).locator("visible=true").first
    structure.fill("")
    structure.press_sequentially("intro 0-1, verse 1-2")
    page.get_by_role("button", name="More").locator("visible=true").first.click()
    page.get_by_label("Steps", exact=True).locator("visible=true").first.fill("2")
    page.get_by_role("button", name="Generate", exact=True).click()
    page.get_by_text("s of song made").wait_for(timeout=120_000)
    player = page.locator(".sst[data-mode=view][data-drawn] >> visible=true").first
    player.wait_for()
    player.locator(".sst-play").first.click()
    page.wait_for_selector('.sst[data-mode=view][data-playing="yes"] >> visible=true')
    (made,) = (running.home / "outputs").glob("*.wav")
    assert soundfile.info(made).duration == pytest.approx(2, abs=0.05)

    fetched = [url for url in asked if urlsplit(url).scheme in ("http", "https")]
    assert [url for url in fetched[1:] if not url.startswith(f"{address}{PREFIX}/")] == []
    assert any("queue/data" in url for url in fetched) and any("plotly.min.js" in url for url in fetched)
    assert troubles == []
    assert running.refused == []
    page.context.close()


def test_a_login_works_under_a_sub_path(studio, proxy, browser, songs):
    running = studio("--root-path", "/studio", "--auth", "me:secret", "--dataset", str(songs))
    address = proxy(running.url)
    page = browser.new_context().new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{address}{PREFIX}/")
    page.get_by_label("username").fill("me")
    page.get_by_label("password").fill("secret")
    page.get_by_role("button", name="Login").click()
    page.wait_for_selector('#annotate-timeline .sst[data-song="song.wav"][data-drawn]')
    assert [url for url in asked if url.startswith("http") and not url.startswith(f"{address}{PREFIX}/")] == []
    page.context.close()
