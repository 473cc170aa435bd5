"""The listener's page as a person uses it, and everything that reaches the browser on the way: no arm in any of it."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from evaluation.listening.answers import read_answers
from evaluation.listening.make import make_test
from evaluation.listening.serving import link
from evaluation.listening.session import CLOSED, THANKS
from evaluation.listening.store import KEY_FILE, LISTENERS_FILE, SOUNDS, ListeningTest, close_test, open_test, read_key

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[3]
PLAYED = """
window.started = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (...when) {
  window.started.push([...when, this.buffer.length]);
  return start.apply(this, when);
};
"""


@dataclass
class Wire:
    """Everything that a page was sent: of each answer its address, headers and body."""

    answers: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    pages: list[str] = field(default_factory=list)

    def watch(self, page: Any) -> None:
        def keep(response: Any) -> None:
            self.answers.append((response.url, response.all_headers(), body(response)))

        page.on("requestfinished", lambda request: keep(request.response()))
        page.on("websocket", lambda socket: pytest.fail(f"a socket to {socket.url}"))

    def clips(self) -> list[tuple[str, dict[str, str], bytes]]:
        return [answer for answer in self.answers if "/clip/" in answer[0]]


def body(response: Any) -> bytes:
    try:
        return response.body()
    except Exception:  # a stream of events that has not ended, or a page that was closed meanwhile
        return b""


@pytest.fixture
def served() -> Iterator[Any]:
    """Serves a test in a process of its own; returns its address."""
    running = []

    def start(test: ListeningTest) -> str:
        process = subprocess.Popen(
            [sys.executable, "-m", "evaluation", "listen", "serve", str(test.folder), "--port", "0"],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        running.append(process)
        first = process.stdout.readline()
        assert "/?listener=" in first, "the server ended at once"
        return first.split(": ")[1].split("/?")[0]

    yield start
    for process in running:
        process.terminate()
        process.wait(30)
        process.stdout.close()


@pytest.fixture
def tab(browser: Any) -> Iterator[Any]:
    """Opens an address in a browser of its own; an error on the page fails the test."""
    troubles: list[str] = []
    opened = []

    def visit(address: str, wire: Wire | None = None, **settings: Any) -> Any:
        context = browser.new_context(**settings)
        context.set_default_timeout(60_000)
        opened.append(context)
        page = context.new_page()
        page.add_init_script(PLAYED)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        if wire:
            wire.watch(page)
        page.goto(address)
        return page

    yield visit
    for context in opened:
        context.close()
    assert troubles == []


def ready(page: Any, number: int, of: int) -> None:
    page.get_by_text(f"Trial {number} of {of}", exact=True).wait_for()
    page.get_by_role("button", name="Play").and_(page.locator(":enabled")).wait_for()


def choose(page: Any, choice: str) -> None:
    for group in page.get_by_role("group").filter(has=page.locator("legend")).all():
        group.get_by_label(choice, exact=True).check()


def next_button(page: Any) -> Any:
    return page.get_by_role("button", name="Next")


def heard(page: Any) -> str:
    return page.locator(".lt-sides [aria-pressed=true]").inner_text()


def test_a_whole_test_by_clicks_and_keys_tells_no_arm(arms, tmp_path, served, tab):
    test = make_test(arms, tmp_path / "test", listeners=["Annasname"], trials=3, repeats=1)
    url, (ann,) = served(test), test.sheets
    wire = Wire()
    page = tab(link(url, ann.token), wire)
    ready(page, 1, 4)
    assert [b.inner_text() for b in page.locator(".lt-sides button").all()] == ["A", "B"]
    assert next_button(page).is_disabled()
    page.get_by_role("button", name="Play").click()
    page.get_by_role("button", name="Pause").wait_for()
    page.wait_for_function("document.querySelector('.lt-head').value > 0.2")
    starts = page.evaluate("window.started")
    assert len(starts) == 2 and starts[0] == starts[1], "both clips start at one moment, from one place"
    page.keyboard.press("b")
    assert heard(page) == "B"
    page.keyboard.press("a")
    assert heard(page) == "A"
    assert len(page.evaluate("window.started")) == 2, "switching starts nothing anew"
    page.keyboard.press("Space")
    page.get_by_role("button", name="Play").wait_for()
    page.get_by_label("B", exact=True).first.check()
    assert next_button(page).is_disabled(), "one answer of four"
    choose(page, "A")
    wire.pages.append(page.content())
    next_button(page).click()
    ready(page, 2, 4)
    choose(page, "No difference")
    next_button(page).click()
    ready(page, 3, 4)
    wire.pages.append(page.content())
    page.context.close()  # halfway

    page = tab(link(url, ann.token), wire)
    ready(page, 3, 4)
    page.locator(".lt-sides button", has_text="B").click()
    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('.lt-head').value > 0.2")
    choose(page, "B")
    next_button(page).click()
    ready(page, 4, 4)
    choose(page, "B")
    next_button(page).click()
    page.get_by_text(THANKS).wait_for()
    wire.pages.append(page.content())
    page.reload()
    page.get_by_text(THANKS).wait_for()
    for address in ("config", "gradio_api/info", "gradio_api/openapi.json", "theme.css"):
        wire.answers.append((f"{url}/{address}", {}, page.request.get(f"{url}/{address}").body()))

    given = read_answers(open_test(test.folder), ann).given
    assert [set(answer.choices.values()) for answer in given] == [{"A"}, {"tie"}, {"B"}, {"B"}]
    assert all(0 < answer.seconds < 600 for answer in given)
    assert_blind(test, wire, url, arms)


def assert_blind(test: ListeningTest, wire: Wire, url: str, arms: dict[str, Path]) -> None:
    key = read_key(test)
    secrets = [*arms, *map(str, arms.values()), "secretours", "secrettheirs", "hushedsong", "Annasname"]
    secrets += [str(test.folder), KEY_FILE, LISTENERS_FILE, '"sides"', '"repeats"', "sounds/", str(key.target_lufs)]
    secrets += [clip.sound for sheet in test.sheets for trial in sheet.trials for clip in trial.clips]
    secrets += [str(clip.dither) for sheet in test.sheets for trial in sheet.trials for clip in trial.clips]
    said = [text.encode() for text in wire.pages]
    for address, headers, content in wire.answers:
        if "/assets/" not in address and "/static/" not in address:  # Gradio's own scripts, the same for everybody
            said += [address.encode(), *(f"{n}: {v}".encode() for n, v in headers.items()), content]
        assert address.startswith((url, "data:", "blob:")), "nothing comes from elsewhere"
    for trial in test.sheets[0].trials:
        assert any(trial.id.encode() in text for text in said), "what the page is told was recorded"
    for secret in secrets:
        assert not [text[:200] for text in said if secret.encode() in text], secret

    clips = {re.search(r"/clip/(\w+)", address)[1]: (headers, content) for address, headers, content in wire.clips()}
    sent = [clip.id for sheet in test.sheets for trial in sheet.trials for clip in trial.clips]
    assert clips.keys() == set(sent), "each clip of each trial, under its own name"
    for trial in test.sheets[0].trials:
        pair = [clips[clip.id] for clip in trial.clips]
        headers = [{name: value for name, value in h.items() if name != "date"} for h, _ in pair]
        assert headers[0] == headers[1]
        assert not headers[0].keys() & {"etag", "last-modified", "content-disposition", "server"}
        assert len({len(content) for _, content in pair}) == len({content[:44] for _, content in pair}) == 1
        assert pair[0][1][36:40] == b"data", "no tags before the samples"
    assert len({content for _, content in clips.values()}) == len(sent), "a repeated song is not the same file"


def test_an_abx_trial_has_three_clips_of_which_no_two_are_equal_bytes(arms, tmp_path, served, tab):
    test = make_test(arms, tmp_path / "test", kind="abx", trials=1, repeats=0)
    wire = Wire()
    page = tab(link(served(test), test.sheets[0].token), wire)
    ready(page, 1, 1)
    page.keyboard.press("x")
    assert heard(page) == "X"
    assert len({content for _, _, content in wire.clips()}) == 3
    choose(page, "X is B")
    next_button(page).click()
    page.get_by_text(THANKS).wait_for()


def test_two_listeners_in_two_browsers_never_mix(made, served, tab):
    url, (ann, bob) = served(made), made.sheets
    first, second = tab(link(url, ann.token)), tab(link(url, bob.token))
    for page, choice in ((first, "A"), (second, "B"), (first, "A")):
        page.get_by_role("button", name="Play").and_(page.locator(":enabled")).wait_for()
        place = page.locator(".lt-place").inner_text()
        choose(page, choice)
        next_button(page).click()
        page.wait_for_function("place => document.querySelector('.lt-place').innerText !== place", arg=place)
    test = open_test(made.folder)
    assert [set(a.choices.values()) for a in read_answers(test, ann).given] == [{"A"}, {"A"}]
    assert [set(a.choices.values()) for a in read_answers(test, bob).given] == [{"B"}]
    tab(url).get_by_text("This link belongs to no listener.").wait_for()
    close_test(made.folder)
    first.reload()
    first.get_by_text(CLOSED).wait_for()


def test_no_file_of_the_test_can_be_fetched(made, served):
    url, (ann, bob) = served(made), made.sheets
    paths = [KEY_FILE, LISTENERS_FILE, f"{SOUNDS}/{ann.trials[0].clips[0].sound}.flac"]
    addresses = [f"gradio_api/file={made.folder / path}" for path in paths]
    addresses += [f"clip/{ann.trials[0].clips[0].id}", f"clip/{ann.trials[1].clips[0].id}?listener={ann.token}"]
    addresses += [
        f"clip/{ann.trials[0].clips[0].id}?listener={bob.token}",
        f"clip/..%2F{KEY_FILE}?listener={ann.token}",
    ]
    for address in addresses:
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{url}/{address}", timeout=30)
        assert refused.value.code in (403, 404), address
        assert b"ours" not in refused.value.read()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_a_phone(made, served, tab, scheme, tmp_path):
    page = tab(link(served(made), made.sheets[0].token), viewport={"width": 390, "height": 844}, color_scheme=scheme)
    ready(page, 1, 6)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    for control in page.locator(".lt button, .lt-choices label").all():
        assert control.bounding_box()["height"] >= 44
    page.screenshot(path=tmp_path / f"{scheme}.png", full_page=True)
