"""Songs dropped on the page, as the desktop drops them."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from annotate.dataset import UPLOADS

pytestmark = pytest.mark.browser


def drop(person: Any, *paths: Path) -> None:
    """What the browser is told by the desktop: files that enter, hover and are let go over the waveform."""
    x, y = person.at(1)
    protocol = person.context.new_cdp_session(person.page)
    data = {"items": [], "files": [str(path.resolve()) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        protocol.send("Input.dispatchDragEvent", {"type": kind, "x": x, "y": y, "data": data})
        if kind == "dragOver":
            person.page.wait_for_selector(".sst-dropping")
    person.page.wait_for_selector(".sst-dropping", state="detached")


def test_files_and_folders_are_dropped_on_the_page(
    serve: Callable[..., str], visit: Callable[..., Any], song: Callable[..., Path], tmp_path: Path
):
    shutil.rmtree(UPLOADS, ignore_errors=True)  # what another test's person uploaded is not this one's
    person = visit(serve(song("here.wav", seconds=8).parent)).opened("here.wav")
    dropped = song("../elsewhere/dropped.wav", seconds=9, hertz=500)
    dropped.with_suffix(".json").write_text(json.dumps({"events": [{"type": "verse", "start": 0, "end": 9}]}))
    drop(person, dropped, dropped.with_suffix(".json"))
    person.opened("dropped.wav")
    assert person.parts() == ["verse"]
    inner = song("../folder/deep/inner.wav", seconds=7, hertz=300)
    inner.with_suffix(".pdf").write_text("no song")
    drop(person, inner.parents[1])
    person.opened("inner.wav")
    assert person.page.get_by_role("option").count() == 2
    assert {"dropped.json", "dropped.wav", "inner.wav"} == {path.name for path in UPLOADS.iterdir()}
    drop(person, inner.with_suffix(".pdf"))
    person.page.wait_for_selector(".toast-wrap >> text=inner.pdf")
