"""Sidecars of any content: read, saved and read again they are the same data, or there is a sentence; never a loss."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from structure.events import Event
from structure.sidecar import SidecarError, read_sidecar, save_sidecar, with_events, with_fields

MARK = {"type": "intro", "start": 0.0, "end": 4.0}
FIXTURE = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])

numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
entries = st.fixed_dictionaries(
    {"type": st.sampled_from(["verse", "Chorus 2", "riser", ""]) | st.text() | values},
    optional={
        "start": numbers | values, "end": numbers | values, "label": st.text() | values, "intensity": values,
        "family": values, "source": values, "mine": values, "": values, "ünïcode 🎹": values,
    },
)  # fmt: skip
known = st.fixed_dictionaries(
    {},
    optional={
        "caption": values, "bpm": values, "duration": values, "beats": values, "events": st.lists(entries, max_size=5),
    },
)  # fmt: skip
sidecars = st.tuples(st.dictionaries(st.text(), values, max_size=4), known).map(lambda both: both[0] | both[1])


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def same_or_told(path: Path) -> dict[str, Any] | None:
    """Save a caption into the file; the data that it held before, or None where it was refused and left alone."""
    before = path.read_bytes()
    try:
        held = read_sidecar(path)
        saved = save_sidecar(with_fields(held, added="by the test"))
    except SidecarError as problem:
        assert str(problem).startswith(f"`{path.name}`") and str(problem).rstrip("`").endswith(".")
        assert path.read_bytes() == before
        return None
    again = read_sidecar(path)
    assert again == saved and again.data == held.data | {"added": "by the test"}
    assert path.with_name(f"{path.name}.bak").read_bytes() == before
    return held.data


@FIXTURE
@given(sidecars, st.sampled_from(["\n", "\r\n"]), st.sampled_from([None, 1, "\t"]), st.booleans(), st.booleans())
def test_whatever_keys_and_values_there_are_all_survive(
    tmp_path: Path, data: dict[str, Any], line: str, indent: Any, escaped: bool, mark: bool
) -> None:
    text = json.dumps(data, indent=indent, ensure_ascii=escaped).replace("\n", line)
    content = text.encode("utf-8", "surrogatepass")
    found = same_or_told(written(tmp_path / "song.json", b"\xef\xbb\xbf" * mark + content))
    assert found in (None, data)


@FIXTURE
@given(sidecars)
def test_a_persons_edit_touches_nothing_else(tmp_path: Path, data: dict[str, Any]) -> None:
    path = written(tmp_path / "song.json", json.dumps(data).encode())
    held = read_sidecar(path)
    try:
        save_sidecar(with_events(held, [Event.model_validate(MARK)]))
    except SidecarError:  # entries that are no events are named, and stay
        assert json.loads(path.read_bytes()) == data
        return
    now = json.loads(path.read_bytes())
    assert now.pop("events") == [MARK]
    data.pop("events", None)
    assert now == data


@FIXTURE
@given(st.binary(max_size=200) | st.text(max_size=80).map(str.encode))
def test_bytes_that_are_no_sidecar_are_left_alone(tmp_path: Path, content: bytes) -> None:
    same_or_told(written(tmp_path / "song.json", content))


def test_a_file_cut_off_at_any_byte_is_left_alone(tmp_path: Path) -> None:
    data = {
        "caption": "weite Flächen 🎹",
        "mine": {"n": [1, 2.5, None]},
        "events": [MARK, {**MARK, "start": 4, "end": 8}],
    }
    content = json.dumps(data, ensure_ascii=False, indent=1).encode() + b"\n"
    whole = [
        n for n in range(len(content) + 1) if same_or_told(written(tmp_path / "song.json", content[:n])) is not None
    ]
    assert whole == [len(content) - 1, len(content)]  # only the last line's end can be missed


@pytest.mark.parametrize("coding", ["latin-1", "utf-16", "utf-32"])
def test_another_coding_is_a_sentence(tmp_path: Path, coding: str) -> None:
    assert same_or_told(written(tmp_path / "song.json", '{"caption": "Flächen"}'.encode(coding))) is None


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999", "9" * 5000])
def test_a_number_that_cannot_be_kept_is_a_sentence(tmp_path: Path, number: str) -> None:
    assert same_or_told(written(tmp_path / "song.json", f'{{"mine": {number}}}'.encode())) is None


def test_a_key_that_stands_twice_is_a_sentence_where_one_value_would_be_lost(tmp_path: Path) -> None:
    path = tmp_path / "song.json"
    assert same_or_told(written(path, b'{"caption": "a", "events": [], "caption": "b"}')) is None
    with pytest.raises(SidecarError, match="`song.json` cannot be read: the key `caption` stands twice"):
        read_sidecar(path)
    assert same_or_told(written(path, b'{"events": [{"type": "a", "start": 0, "end": 1, "end": 2}]}')) is None
    assert same_or_told(written(path, b'{"caption": "a", "caption": "a"}')) == {"caption": "a"}


@pytest.mark.parametrize("depth", [50, 200, 400, 900, 5_000, 100_000])
@pytest.mark.parametrize("pair", ["[]", "{}"])
def test_nesting_of_any_depth_is_kept_or_told(tmp_path: Path, depth: int, pair: str) -> None:
    opening = '{"a":' if pair == "{}" else "["
    content = f'{{"mine": {opening * depth}1{pair[1] * depth}}}'.encode()
    found = same_or_told(written(tmp_path / "song.json", content))
    assert found is not None or depth > 200


def test_a_hundred_thousand_events_are_kept(tmp_path: Path) -> None:
    events = [{"type": "verse", "start": n / 10, "end": (n + 1) / 10, "mine": n} for n in range(100_000)]
    path = written(tmp_path / "song.json", json.dumps({"events": events}).encode())
    held = read_sidecar(path)
    first, *rest = held.events
    moved = [first.model_copy(update={"label": "first"}), *rest]
    save_sidecar(with_events(held, moved))
    assert json.loads(path.read_bytes())["events"] == [{**events[0], "label": "first"}, *events[1:]]
