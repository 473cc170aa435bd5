"""Words that look like code, in everything that a page reads: shown as text on all four tabs, and never run."""

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from trials.hostile_kinds import SIDECAR, make_experiment, make_listening, make_run, make_takes, write_song

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NAME = "<img class=pwned src=x onerror=window.pwned=1>"  # as a file may be called
WORDS = (
    f"{NAME}<script>window.pwned=1</script>${{window.pwned=1}}{{{{window.pwned=1}}}}"
    "<a class=pwned href='javascript:window.pwned=1'>a</a>[b](javascript:window.pwned=1) **c** `d`"
)
STRANGE = "\u202etfel ot thgir\u0000\u001b[31m\nline\ud800 end"
TYPED = (
    "caption",
    "lyrics",
    "label",
    "type",
    "message",
    "best_said",
    "said",
    "name",
    "about",
    "title",
    "sentence",
    "note",
)


def marked(value: Any, key: str = "") -> Any:
    """JSON in which all texts of a person's are followed by markup and what no screen can show."""
    if isinstance(value, dict):
        return {name: marked(found, name) for name, found in value.items()}
    if isinstance(value, list):
        return [marked(found, key) for found in value]
    typed = (*TYPED, "notes", "trained_types", "base_model", "text", "arm")
    if isinstance(value, str) and value != "crash" and key in typed:
        return f"{value} {WORDS}" + ("" if key in ("type", "trained_types") else STRANGE)
    return value


def mark(path: Path) -> None:
    path.write_text(json.dumps(marked(json.loads(path.read_text()))))  # escapes what UTF-8 cannot hold


@pytest.fixture
def marked_home(tmp_path: Path) -> Path:
    """Songs, takes, runs, an experiment and a listening test, each under such names and full of such words."""
    songs, home, made = tmp_path / "songs", tmp_path / "home", tmp_path / "made"
    for name in (f"a {NAME}", "b \u202egnp line\n\x1b[31m"):
        write_song(songs / f"{name}.wav")
        (songs / f"{name}.json").write_text(json.dumps(marked(SIDECAR)))
    make_takes(home)
    for take in ("take", "other"):
        mark(home / "outputs" / f"{take}.json")
    make_run(home)
    for run in ("one", "two"):
        for name in ("state.json", "adapter.json", "samples/step-000004.json"):
            mark(home / "runs" / run / name)
        (home / "runs" / run / "log.txt").write_text(f"12:00:00  {WORDS}\n", errors="replace")
        (home / "runs" / run).rename(home / "runs" / f"{run} {NAME}")
    make_experiment(made)
    (made / "home" / "experiments").rename(home / "experiments")
    tried = home / "experiments" / f"tried {NAME}"
    (home / "experiments" / "tried").rename(tried)
    for name in ("state.json", "results.json"):
        mark(tried / name)
    make_listening(made)
    (home / "listening").mkdir()
    (made / "test").rename(home / "listening" / f"test {NAME}")
    return songs


REACHING = """[...document.querySelectorAll('body *')].filter(e =>
  [...e.childNodes].some(n => n.nodeType === 3 && n.data.includes('\\u202e')) && e.checkVisibility()
  && getComputedStyle(e).display === 'inline' && !getComputedStyle(e).unicodeBidi.startsWith('isolate')
).map(e => `${e.tagName}.${e.className} in .${e.parentElement.className}`)"""


class Visitor:
    """Somebody at the page who looks at everything, and everything that went wrong there."""

    def __init__(self, browser: Any, url: str) -> None:
        self.page = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        self.page.set_default_timeout(60_000)
        self.troubles: list[str] = []
        self.page.on("pageerror", lambda error: self.troubles.append(f"page error: {error}"))
        self.page.on("dialog", lambda dialog: self.troubles.append(f"dialog: {dialog.message}") or dialog.dismiss())
        self.page.on("request", lambda request: self.asked(request.url, url))
        self.page.goto(url)

    def asked(self, address: str, url: str) -> None:
        """The page asks its own server alone, and that for nothing which markup names."""
        foreign = not address.startswith((url, f"blob:{url}", "data:"))
        if foreign or urlsplit(address).path.rsplit("/")[-1] == "x":
            self.troubles.append(f"request: {address}")

    def calm(self, where: str) -> None:
        """Nothing has run or was asked for, no tag of ours is in the page, and no word turns those beside it."""
        self.page.wait_for_timeout(300)
        injected = self.page.evaluate("[window.pwned || 0, document.querySelectorAll('.pwned').length]")
        assert injected == [0, 0], where
        assert self.page.evaluate(REACHING) == [], where
        assert self.troubles == [], where

    def reads(self, selector: str, words: str = NAME) -> None:
        """Somewhere in there the words stand as they were typed."""
        self.page.wait_for_function(
            "([selector, words]) => [...document.querySelectorAll(selector)].some(e => "
            "`${e.textContent} ${e.value}`.includes(words))",
            arg=[selector, words],
            timeout=20_000,
        )

    def tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name).click()

    def unfold(self, name: str) -> None:
        self.page.get_by_text(name, exact=True).locator("visible=true").first.click()


def test_words_that_look_like_code_are_words_on_every_tab(studio, browser, marked_home: Path):
    running = studio("--dataset", str(marked_home))
    visitor = Visitor(browser, running.url)
    page = visitor.page

    page.wait_for_selector("#annotate-timeline .sst[data-drawn]")
    visitor.reads(".ssl-songs")
    visitor.calm("the list of songs")
    for song in page.locator(".ssl-songs [role=option]").all():
        song.click()
        page.wait_for_timeout(500)
        page.wait_for_selector("#annotate-timeline .sst[data-drawn]")
        visitor.reads("#annotate-timeline .sst-sections .sst-word")
        for block in page.locator("#annotate-timeline .sst-block").all():
            block.click(force=True)
            block.hover(force=True)
            visitor.calm("a part")
    visitor.unfold("Song: caption, lyrics, tempo, key")
    visitor.reads("textarea, input")
    visitor.calm("the song's fields")
    page.locator("#annotate-timeline .sst-block").first.click(force=True)
    page.keyboard.press("Delete")
    page.locator("#annotate-timeline .sst-save").get_by_text("Saved").wait_for()
    visitor.unfold("Earlier states of this song")
    fold = page.locator("#annotate-earlier")
    fold.get_by_label("State").click()
    fold.get_by_role("option").first.click()
    fold.locator(".sst-compare .sst-word").first.wait_for()
    visitor.reads("#annotate-earlier .sst-word")
    visitor.calm("what it was before")
    for sidecar in marked_home.glob("*.json"):  # somebody else saves meanwhile
        sidecar.write_text(json.dumps(marked({**SIDECAR, "caption": "theirs"})))
    page.locator("#annotate-timeline .sst-block").first.click(force=True)
    page.keyboard.press("Delete")
    page.wait_for_selector("#annotate-conflict", state="visible")
    visitor.calm("both versions")

    visitor.tab("Generate")
    page.wait_for_selector(".sst-take")
    visitor.reads(".sst-take p")
    for take in page.locator(".sst-take").all():
        take.click()
        page.wait_for_timeout(800)
        visitor.calm("a take")
    visitor.reads(".sst-remark")
    adapters = page.get_by_label("Adapter", exact=True).locator("visible=true").first
    adapters.click()
    page.locator("[role=option]:visible").filter(has_text=NAME).first.click()
    visitor.reads(".sst-remark", "base starter")
    visitor.calm("an adapter")
    structure = page.get_by_label("Structure", exact=True).locator("visible=true").first
    structure.fill(f"intro 0-4, verse 8 {NAME}")
    page.wait_for_timeout(1000)
    visitor.reads(".sst-slip", "<img class=pwned")
    visitor.calm("a slip")

    visitor.tab("Train")
    visitor.reads("table")
    for fold in ("A closer look", "Log", "This run"):
        visitor.unfold(fold)
        visitor.calm(fold)
    visitor.reads("textarea")
    page.get_by_label("Compare with").locator("visible=true").first.click()
    page.locator("[role=option]:visible").filter(has_text=NAME).first.click()
    visitor.calm("two runs")
    page.get_by_role("button", name="Delete", exact=True).locator("visible=true").first.click()
    visitor.reads(".tr-question")
    visitor.calm("a question")

    visitor.tab("Evaluate")
    visitor.calm("scores")
    page.get_by_role("tab", name="Experiment").click()
    visitor.reads("#experiment-answer")
    visitor.reads("#experiment-arms")
    visitor.calm("an experiment")
    page.get_by_role("tab", name="Listen blind").click()
    page.get_by_role("button", name="Show the result").click()
    page.get_by_text("One listener counts").wait_for()
    visitor.calm("a listening test")
    assert running.refused == []
