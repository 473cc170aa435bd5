"""The annotation tab as a person uses it: real clicks and keys in Chromium, and the sidecar on disk."""

import json
import math
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.dataset import UPLOADS
from structure import sidecar

pytestmark = pytest.mark.browser

LENGTH = 40.0  # seconds of the songs here


@pytest.fixture
def songs(song: Callable[..., Path]) -> Path:
    """A dataset of two songs, neither of them marked."""
    song("one.wav", seconds=LENGTH, hertz=200.0)
    return song("two.wav", seconds=LENGTH, hertz=300.0).parent


def events_of(root: Path, stem: str = "one") -> list[dict[str, Any]]:
    return json.loads((root / f"{stem}.json").read_text(encoding="utf-8"))["events"]


def spans(root: Path, stem: str = "one") -> list[tuple[str, int, int]]:
    """Sections on disk, times rounded to seconds (a pixel is 40 ms)."""
    return [(e["type"], round(e["start"]), round(e["end"])) for e in events_of(root, stem)]


def eventually(check: Callable[[], bool], seconds: float = 5.0) -> None:
    deadline = time.monotonic() + seconds
    while not check():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def test_mark_name_undo_save_reload(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    assert someone.hint() == "Press space, tap B where a part begins."
    someone.click(10)
    someone.page.wait_for_selector("#annotate-timeline .sst-edge", timeout=1000)
    assert someone.parts() == ["intro", "verse"]
    assert "1 intro" in someone.hint()
    someone.click(25)
    someone.press("4")
    eventually(lambda: someone.parts() == ["intro", "verse", "chorus"])
    assert re.fullmatch(r"Saved \d\d:\d\d:\d\d, 3 sections", someone.saved())
    assert spans(songs) == [("intro", 0, 10), ("verse", 10, 25), ("chorus", 25, 40)]
    someone.press("Control+z", "Control+z")
    eventually(lambda: someone.parts() == ["intro", "verse"])
    someone.press("Control+y", "Control+Shift+Z")
    eventually(lambda: someone.parts() == ["intro", "verse", "chorus"])
    someone.saved("3 sections")
    assert spans(songs)[2] == ("chorus", 25, 40)
    someone.page.reload()
    someone.opened("one.wav")
    assert someone.parts() == ["intro", "verse", "chorus"]
    assert [round(t) for t in someone.boundaries()] == [10, 25]


def test_drag_nudge_join_and_set_free(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    someone.click(10)
    someone.click(20)
    someone.drag(10, 14)
    someone.saved()
    assert spans(songs) == [("intro", 0, 14), ("verse", 14, 20), ("verse", 20, 40)]
    before = someone.boundaries()[0]
    someone.press(".", ".", ",")
    assert someone.boundaries()[0] == pytest.approx(before + 0.01)
    someone.click(30, ".sst-sections")
    someone.press("9", "0")
    eventually(lambda: someone.parts() == ["intro", "verse", "free"])
    someone.click(20)  # its handle: takes hold of it, adds nothing
    someone.press("Delete")  # the verse goes on over the free part
    eventually(lambda: someone.parts() == ["intro", "verse"])
    someone.saved("2 sections")
    assert spans(songs) == [("intro", 0, 14), ("verse", 14, 40)]
    for _ in range(9):
        someone.press("Control+z")
    eventually(lambda: someone.parts() == ["free"])
    someone.saved("0 sections")
    assert events_of(songs) == []


def test_tap_along_with_the_music(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    someone.press("Space")  # nothing has the focus yet: the page knows what is meant
    someone.page.wait_for_function("document.querySelector('#annotate-timeline .sst').timeline.head > 1.2")
    assert "Tap B" in someone.hint()
    head = someone.root.evaluate("root => root.timeline.head")
    someone.press("b")
    assert someone.boundaries()[0] == pytest.approx(head, abs=0.5)
    someone.press("2")
    someone.press("Space")
    eventually(lambda: someone.root.get_attribute("data-playing") == "no")
    stopped = someone.root.evaluate("root => root.timeline.head")
    assert stopped > head
    someone.saved("2 sections")
    someone.press("End", "Home", "ArrowRight", "ArrowDown")
    assert someone.root.evaluate("root => root.timeline.head") == someone.boundaries()[0]
    someone.press("Space")
    someone.page.get_by_role("tab", name="Elsewhere").click()
    eventually(lambda: someone.root.get_attribute("data-playing") == "no")  # no music from a tab that is not seen


def test_moments_and_what_other_programs_wrote_are_kept(serve, visit, songs):
    first = {"type": "intro", "start": 0, "end": 40, "label": "<img src=x onerror=alert(1)>", "key": {"a": [1]}}
    crash = {"type": "crash", "start": 20, "end": 20, "by": "me"}
    (songs / "one.json").write_text(json.dumps({"other": [1, {"b": None}], "caption": "c", "events": [first, crash]}))
    someone = visit(serve(songs))
    someone.opened("two.wav")  # the song that waits
    someone.page.get_by_role("option", name="one.wav").click()
    someone.opened("one.wav")
    assert someone.root.locator(".sst-moments .sst-word").all_inner_texts() == ["crash"]
    someone.click(15)
    someone.saved("2 sections, 1 moment")
    held = json.loads((songs / "one.json").read_text())
    assert (held["other"], held["caption"]) == ([1, {"b": None}], "c")
    assert [e.get("key") for e in held["events"]] == [{"a": [1]}, {"a": [1]}, None]
    assert held["events"][2] == crash
    someone.root.locator(".sst-table summary").click()
    eventually(lambda: someone.root.locator(".sst-table [data-cell=label]").first.input_value() == first["label"])
    assert someone.root.locator("img").count() == 0


def test_a_moment_that_cannot_be_saved_is_taken_away(serve, visit, songs):
    first = {"type": "verse", "start": 0, "end": 40}
    riser, crash = {"type": "riser", "start": 12, "end": 9}, {"type": "crash", "start": 20, "end": 20}
    (songs / "one.json").write_text(json.dumps({"events": [first, riser, crash]}))
    someone = visit(serve(songs))
    someone.opened("two.wav")
    someone.page.get_by_role("option", name="one.wav").click()
    someone.opened("one.wav")
    notice, row = someone.page.locator("#annotate-notice"), someone.page.get_by_role("option", name="one.wav")
    assert "riser" in notice.inner_text()
    someone.click(25)
    someone.saved("Not saved")
    someone.root.locator(".sst-moments .sst-block").first.click()
    eventually(lambda: someone.hint().startswith("Drag this riser, or its end"))
    someone.press("Delete")
    someone.saved("2 sections, 1 moment")
    assert [e["type"] for e in events_of(songs)] == ["verse", "crash", "verse"]
    eventually(lambda: notice.is_hidden() and "problem" not in row.inner_text())
    someone.press("Control+z")
    someone.saved("Not saved")
    someone.press("Control+y")
    someone.saved("Saved")
    someone.root.locator(".sst-moments .sst-word").click()
    someone.root.get_by_role("button", name="Remove crash").click()
    someone.saved("2 sections")
    assert someone.root.locator(".sst-moments .sst-block").count() == 0


def test_songs_of_the_list_keep_their_own_marks(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    someone.click(10)
    someone.press("PageDown")  # at once: the edit is still on its way
    someone.opened("two.wav")
    assert someone.parts() == ["free"]
    someone.click(30)
    someone.saved()
    someone.page.get_by_role("button", name="Previous").click()
    someone.opened("one.wav")
    assert someone.parts() == ["intro", "verse"]
    assert (spans(songs)[0][2], spans(songs, "two")[0][2]) == (10, 30)
    row = someone.page.get_by_role("option", name="two.wav")
    assert "2 events" in row.inner_text()


def test_training_is_offered_from_four_marked_songs(serve, visit, songs, song):
    marked = json.dumps({"events": [{"type": "verse", "start": 0, "end": 3}]})
    for name in ("three", "two", "zero"):
        song(f"{name}.wav", seconds=3.0)
        (songs / f"{name}.json").write_text(marked)
    someone = visit(serve(songs)).opened("one.wav")
    offer = someone.page.locator("#annotate-train")
    assert offer.is_hidden()
    someone.click(10)
    offer.wait_for()
    assert offer.inner_text() == "Train on these 4 songs"
    someone.press("Control+z")
    offer.wait_for(state="hidden")


def test_fields_of_the_song(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    someone.page.get_by_role("button", name="Song: caption").click()
    someone.page.get_by_label("Caption").press_sequentially("warm pads")
    someone.page.get_by_label("Tempo (BPM)").press_sequentially("92")
    someone.page.get_by_label("Key", exact=True).fill("A minor")
    someone.page.get_by_label("Lyrics").click()
    wanted = {"caption": "warm pads", "bpm": 92, "keyscale": "A minor"}
    path = songs / "one.json"
    saved = lambda: json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}  # noqa: E731
    eventually(lambda: wanted.items() <= saved().items(), seconds=20)  # each key typed is a save: a busy machine lags
    someone.page.reload()
    someone.opened("one.wav")
    someone.page.get_by_role("button", name="Song: caption").click()
    assert someone.page.get_by_label("Caption").input_value() == "warm pads"
    assert someone.page.get_by_label("Tempo (BPM)").input_value() == "92"


def test_words_that_come_without_a_key_press_are_saved_while_the_field_is_open(serve, visit, songs):
    """A paste, a deletion, dictation: Gradio's own field tells of none of them."""
    someone = visit(serve(songs)).opened("one.wav")
    someone.page.get_by_role("button", name="Song: caption").click()
    caption, path = someone.page.get_by_label("Caption"), songs / "one.json"
    says = lambda text: path.exists() and json.loads(path.read_text(encoding="utf-8")).get("caption") == text  # noqa: E731
    caption.focus()
    someone.page.keyboard.insert_text("warm pads")
    eventually(lambda: says("warm pads"))
    someone.press("Backspace")
    eventually(lambda: says("warm pad"))


@pytest.mark.parametrize("choice", ["Keep mine", "Keep both", "Load theirs"])
def test_a_file_changed_by_somebody_else(serve, visit, songs, choice):
    someone = visit(serve(songs)).opened("one.wav")
    theirs = [{"type": "solo", "start": 0.0, "end": 40.0}]
    (songs / "one.json").write_text(json.dumps({"caption": "theirs", "events": theirs}))
    someone.click(10)
    someone.saved("Not saved")
    panel = someone.page.locator("#annotate-conflict")
    panel.locator(".sst-compare .sst-word").wait_for()
    assert panel.locator(".sst-sections .sst-word").all_inner_texts() == ["intro", "verse"]
    assert panel.locator(".sst-compare .sst-word").all_inner_texts() == ["solo"]
    assert events_of(songs) == theirs
    someone.page.get_by_role("button", name=choice).click()
    if choice == "Keep mine":
        someone.saved("2 sections")
        assert [kind for kind, _, _ in spans(songs)] == ["intro", "verse"]
        assert json.loads((songs / "one.json.bak").read_text())["events"] == theirs
        assert json.loads((songs / "one.json").read_text())["caption"] == "theirs"
    elif choice == "Keep both":
        eventually(lambda: "solo 0.0 s to 40.0 s was left out" in someone.page.locator("#annotate-notice").inner_text())
        assert [kind for kind, _, _ in spans(songs)] == ["intro", "verse"]
    else:
        eventually(lambda: someone.parts() == ["solo"])
        assert events_of(songs) == theirs
        someone.click(20)
        someone.saved("2 sections")
    panel.wait_for(state="hidden")


def test_what_was_saved_can_be_undone_after_a_reload_and_a_restart(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    for t, kinds in ((10, 2), (20, 3), (30, 4)):
        someone.click(t)
        someone.saved(f"{kinds} sections")
    later = visit(serve(songs)).opened("two.wav")  # another server, another browser
    later.page.locator('.ssl-song[data-name="one.wav"]').click()
    later.opened("one.wav").press("Control+z")
    later.saved("3 sections")
    later.press("Control+z")
    later.saved("2 sections")
    assert [round(t) for t in later.boundaries()] == [10]
    later.page.reload()
    later.opened("one.wav").press("Control+z")  # an undo is an edit: it can be undone as well
    later.saved("3 sections")
    assert [round(e["start"]) for e in events_of(songs)] == [0, 10, 20]
    later.page.get_by_role("button", name="Earlier states").click()
    fold = later.page.locator("#annotate-earlier")
    fold.get_by_text("states, newest first").wait_for()
    later.page.get_by_label("State").click()
    later.page.get_by_label("State").blur()  # looked at, and left
    later.page.wait_for_timeout(500)
    assert not later.page.get_by_test_id("toast-body").count()
    assert later.root.locator(".sst-total").inner_text() == "3 sections, 0:40 of 0:40"
    later.page.get_by_label("State").click()
    states = fold.get_by_role("option").all_inner_texts()
    assert [re.sub(r".*, ", "", state) for state in states] == [
        "2 sections",
        "3 sections",
        "4 sections",
        "3 sections",
        "2 sections",
    ]
    fold.get_by_role("option").filter(has_text="4 sections").click()
    fold.locator(".sst-compare .sst-word").nth(3).wait_for()
    fold.get_by_role("button", name="Bring it back").click()
    later.saved("4 sections")
    assert [round(t) for t in later.boundaries()] == [10, 20, 30]


def test_a_file_changed_by_a_text_editor_is_noticed_when_one_comes_back(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    someone.click(10)
    someone.saved("2 sections")
    theirs = [{"type": "solo", "start": 0.0, "end": 40.0}]
    (songs / "one.json").write_text(json.dumps({"events": theirs}))
    panel = someone.page.locator("#annotate-conflict")
    assert not panel.is_visible()
    someone.page.evaluate("window.dispatchEvent(new Event('focus'))")
    panel.locator(".sst-compare .sst-word").wait_for()
    assert panel.locator(".sst-sections .sst-word").all_inner_texts() == ["intro", "verse"]
    assert events_of(songs) == theirs
    someone.page.get_by_role("button", name="Load theirs").click()
    eventually(lambda: someone.parts() == ["solo"])
    panel.wait_for(state="hidden")
    someone.press("Control+z")  # back to what one had before
    someone.saved("2 sections")


def test_damaged_things_are_told_in_sentences(serve, visit, songs, tmp_path):
    (songs / "one.json").write_text('{"events": [oops')
    (songs / "three.wav").write_bytes(b"not audio")
    someone = visit(serve(songs)).opened("two.wav")
    notice = someone.page.locator("#annotate-notice")
    someone.page.get_by_role("option", name="one.wav").click()
    someone.opened("one.wav")
    assert "not JSON" in notice.inner_text()
    someone.click(10)
    someone.press("b", "4")
    assert someone.parts() == ["free"]
    assert (songs / "one.json").read_text() == '{"events": [oops'
    someone.page.get_by_role("option", name="three.wav").click()
    eventually(lambda: "`three.wav` is not audio" in notice.inner_text())
    someone.page.get_by_role("button", name="Folder").click()
    field = someone.page.locator("#annotate-folder input, #annotate-folder textarea")
    eventually(lambda: field.input_value() == str(songs))  # what the page wrote there comes before what is typed
    for path, words in ((tmp_path / "gone", "There is no folder"), (tmp_path, "")):
        field.fill(str(path))
        someone.page.get_by_role("button", name="Open folder").click()
        if words:
            eventually(lambda words=words: words in notice.inner_text())
    eventually(lambda: someone.page.get_by_role("option", name="songs/two.wav").count() == 1)
    assert "Traceback" not in someone.page.locator("body").inner_text()


def test_overlapping_sections_are_named(serve, visit, songs):
    wrong = [{"type": "verse", "start": 0, "end": 20}, {"type": "chorus", "start": 10, "end": 40}]
    (songs / "one.json").write_text(json.dumps({"events": wrong}))
    (songs / "two.json").write_text(json.dumps({"events": wrong[:1]}))
    someone = visit(serve(songs)).opened("one.wav")
    assert "event 2 (chorus)" in someone.page.locator("#annotate-notice").inner_text()
    assert "1 problem" in someone.page.get_by_role("option", name="one.wav").inner_text()
    assert events_of(songs) == wrong  # looking changes nothing
    someone.drag(10, 15)
    someone.saved("2 sections")
    assert spans(songs) == [("verse", 0, 15), ("chorus", 15, 40)]


def test_two_visitors_never_see_each_others_song(serve, visit, songs):
    address = serve(songs)
    one, two = visit(address).opened("one.wav"), visit(address).opened("one.wav")
    two.page.get_by_role("option", name="two.wav").click()
    two.opened("two.wav")
    one.click(10)
    two.click(30)
    one.saved("2 sections")
    two.saved("2 sections")
    assert (spans(songs)[0][2], spans(songs, "two")[0][2]) == (10, 30)
    assert one.root.get_attribute("data-song") == "one.wav"


def test_a_save_waits_for_nobody_elses_so_that_a_reload_cannot_lose_it(serve, visit, songs):
    address = serve(songs)
    one, two = visit(address).opened("one.wav"), visit(address).opened("one.wav")
    two.page.get_by_role("option", name="two.wav").click()
    two.opened("two.wav")
    half_written = lambda: sum(path.name.startswith(".studio-") for path in songs.iterdir())  # noqa: E731
    with sidecar._saving:  # the disk is slow: no file takes its place for a while
        one.click(10)
        eventually(lambda: half_written() == 1)
        two.click(30)
        eventually(lambda: half_written() == 2)
        two.page.reload()
    eventually(lambda: (songs / "two.json").exists())
    assert spans(songs, "two")[0][2] == 30


def test_zoom_pan_keys_sheet_and_escape(serve, visit, songs):
    someone = visit(serve(songs)).opened("one.wav")
    view = lambda: someone.root.evaluate("root => root.timeline.view")  # noqa: E731
    x, y = someone.at(30)
    someone.page.mouse.move(x, y)
    for _ in range(4):
        someone.page.mouse.wheel(0, -120)
    eventually(lambda: view()[1] - view()[0] == pytest.approx(LENGTH * math.exp(-4 * 0.24), abs=0.1))
    start, end = view()
    assert start + (x - someone.at(start)[0]) / (someone.at(end)[0] - someone.at(start)[0]) * (end - start) == (
        pytest.approx(30, abs=0.1)  # what is under the pointer stays there
    )
    someone.drag(start + 2, start + 6)  # on the empty wave it pans
    assert view()[0] == pytest.approx(start - 4, abs=0.2)
    assert someone.boundaries() == []
    someone.root.focus()
    someone.press("f")
    assert view() == [0, LENGTH]
    someone.press("?")
    assert "Ctrl+Z" in someone.root.locator(".sst-keys").inner_text()
    someone.press("Escape")
    assert someone.root.locator(".sst-keys").is_hidden()
    someone.press("/")
    someone.page.keyboard.type("Freak-Out 1")  # neither the 1 nor the letters are commands in a text field
    someone.press("Enter")
    eventually(lambda: someone.parts() == ["freak-out 1"])


def test_a_finger_marks_and_moves(serve, visit, songs):
    someone = visit(serve(songs), has_touch=True).opened("one.wav")
    someone.page.touchscreen.tap(*someone.at(10))
    eventually(lambda: someone.parts() == ["intro", "verse"])
    someone.root.get_by_role("button", name="chorus", exact=False).nth(1).tap()  # after pre-chorus
    someone.saved()
    assert [kind for kind, _, _ in spans(songs)] == ["intro", "chorus"]


def test_uploaded_songs_go_to_a_folder_of_ones_own(serve, visit, songs, song, tmp_path):
    extra = song("../elsewhere/mine.wav", seconds=LENGTH, hertz=500.0)
    others = set(UPLOADS.glob("*"))
    address = serve(songs, local=False)
    someone = visit(address).opened("one.wav")
    assert someone.page.get_by_role("button", name="Folder").count() == 0  # on a server nobody types paths
    someone.page.locator("input[type=file]").first.set_input_files(str(extra))
    someone.opened("mine.wav")
    someone.click(10)
    someone.saved()
    (own,) = set(UPLOADS.glob("*")) - others
    assert sorted(p.name for p in own.iterdir()) == ["mine.json", "mine.wav"]
    someone.page.reload()
    someone.opened("mine.wav")
    visit(address).opened("one.wav")  # another visitor sees the dataset only
