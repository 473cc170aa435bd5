"""Annotation tab: layout and wiring. `desk.py` opens and saves songs, `timeline.js` edits them.

Each visitor has a desk of their own in the session; which folder and song they
had open is remembered in their browser, so that a reload changes nothing.
"""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import gradio as gr

from annotate.apart import decode_apart
from annotate.conflict_panel import ConflictPanel, conflict_panel, conflict_updates
from annotate.dataset import UPLOADS, DatasetError, add_songs
from annotate.desk import NO_DESK, Desk
from annotate.earlier import earlier_states
from annotate.hearing import SongMaker, hear_it
from annotate.progress import is_blind
from annotate.song_fields import field_updates, song_fields
from annotate.song_list import SongList, song_list_value, songs_read
from annotate.timeline import Timeline, timeline_value
from annotate.undoing import undo_steps
from annotate.visitors import check_room, check_upload, copy_for, fresh, known
from annotate.vocabulary import VOCABULARIES, read_vocabulary, save_vocabulary
from structure.errors import StudioError
from structure.sidecar import SidecarConflict

OPENING_AT_ONCE = 4  # visitors whose songs are read: decoding takes cores, and threads that saves need as well
WORTH_TRAINING = 4  # marked songs from which on training is offered: fewer teach a song, not a structure


@dataclass(frozen=True)
class AnnotateTab:
    """What other tabs may use of this one.

    Attributes:
        root: path of the open dataset as text, "" before one is chosen.
        song: path of the open song as text, "" before one is chosen.
        timeline: the song's timeline.
        songs: the list of songs.
        train: the button that offers training, once enough songs are marked.
    """

    root: gr.State
    song: gr.State
    timeline: Timeline
    songs: SongList
    train: gr.Button


def build(
    root: Path | None,
    local: bool,
    ready: Callable[[], None] | None = None,
    maker: SongMaker | None = None,
    listener: Callable[[Path], Mapping[str, str | float]] | None = None,
    copies: bool = False,
) -> AnnotateTab:
    """Lay the tab out inside the caller's `gr.Tab`.

    Args:
        root: the dataset to open; None leaves the choice to the visitor.
        local: the page is used on the machine itself, so any folder of it may be typed in. Else a visitor sees `root`
            and songs of their own that they upload.
        ready: called before `root` is looked at; returns once its songs are there.
        maker: makes a song of the open song's structure, to be heard beside it.
        listener: hears of an audio file what `EDITED_FIELDS` it can; may raise a `StudioError`, which is shown.
        copies: visitors are strangers: each gets a copy of `root`, bounded, and gone a day after the last visit.
    """
    decode_apart()
    desk = gr.State(None)
    root_path, song_path = gr.State(""), gr.State("")
    # Encrypted only so that it survives a restart of the server: there is no secret in it.
    memory = gr.BrowserState(None, storage_key="structure-studio-annotate", secret="structure-studio")
    with gr.Row(elem_classes="sst-page"):
        with gr.Column(scale=1, min_width=230):
            songs = SongList()
            train = gr.Button(visible=False, size="sm", elem_id="annotate-train")
            upload = gr.UploadButton(
                "Add songs, or drop them here…", file_count="multiple", file_types=["audio", ".zip", ".json", ".txt"],
                size="sm", elem_id="annotate-upload",
            )  # fmt: skip
            with gr.Accordion("Folder", open=root is None, visible=local):
                folder = gr.Textbox(
                    label="Folder of songs",
                    show_label=False,
                    container=False,
                    placeholder="/home/me/songs",
                    elem_id="annotate-folder",
                )
                open_folder = gr.Button("Open folder", size="sm")
            with gr.Accordion("Names of parts", open=False):
                preset = gr.Dropdown(list(VOCABULARIES), value="Ours", label="Begin with", elem_id="annotate-preset")
                names = gr.Textbox(
                    ", ".join(VOCABULARIES["Ours"]), lines=3, label="Names, with commas", elem_id="annotate-names",
                    info="The first nine are on the keys 1 to 9. Kept with the folder.",
                )  # fmt: skip
                take_names = gr.Button("Use these names", size="sm")
        with gr.Column(scale=5, min_width=320):
            notice = gr.HTML(visible=False, padding=False, elem_id="annotate-notice")
            conflict = conflict_panel()  # above: seen, and near by Shift+Tab
            timeline = Timeline(elem_id="annotate-timeline")
            with gr.Accordion("Song: caption, lyrics, tempo, key", open=False):
                fields = song_fields()
                fill = gr.Button(
                    "Fill in tempo and key as a machine hears them", size="sm", visible=listener is not None
                )
            earlier = earlier_states(desk, timeline)
            if maker:
                with gr.Accordion("Hear what a model makes of this structure", open=False):
                    hear_it(maker, desk, timeline)

    page = _Page(
        desk, root_path, song_path, memory, songs, train, notice, timeline, conflict, fields, folder, names,
    )  # fmt: skip
    arrived = partial(_arrive, page, root, local, copies, ready)
    private = {"show_progress": "hidden", "api_visibility": "private"}
    opening = {**private, "concurrency_limit": OPENING_AT_ONCE}
    # Not by Gradio's queue: what waits there is forgotten when its page is reloaded, and where a busy server's answer
    # meets a stream that the page has just closed, the page waits for ever and saves nothing more.
    saving = {**private, "queue": False}
    always = {"trigger_mode": "always_last"}
    gr.context.Context.root_block.load(arrived, memory, page.outputs(), **opening)
    songs.input(partial(_choose, page), [desk, memory, songs], page.outputs(), **opening, **always)
    songs.expand(partial(_read_on, page), desk, [songs, train], **saving, trigger_mode="multiple")
    if local:  # hiding the field would not do: requests can be made without the page
        gr.on(
            [open_folder.click, folder.submit], partial(_open_folder, page), [desk, memory, folder], page.outputs(),
            show_progress="minimal", api_visibility="private",
        )  # fmt: skip
    added = partial(_upload, page, local, copies)
    upload.upload(added, [desk, memory, upload], page.outputs(), show_progress="minimal", api_visibility="private")
    timeline.input(partial(_save_events, page), [desk, timeline], page.save_outputs(), **saving, **always)
    for name, field in fields.items():
        triggers = [field.input] + ([field.blur] if hasattr(field, "blur") else [])
        gr.on(
            triggers, partial(_save_field, page, name), [desk, timeline, field], page.save_outputs(), **saving, **always
        )
    preset.input(lambda chosen: ", ".join(VOCABULARIES[chosen]), preset, names, **private)
    named = partial(_use_names, page)
    gr.on([take_names.click, names.submit], named, [desk, memory, names], page.outputs(), **private)
    if listener:
        filled = partial(_fill_fields, page, listener)
        fill.click(filled, [desk, memory, timeline], page.outputs(), api_visibility="private", concurrency_limit=1)
    timeline.focus(partial(_look, page), [desk, timeline], page.save_outputs(), **saving)
    here = [desk, memory, timeline]
    choices = {conflict.keep: Desk.keep_mine, conflict.join: Desk.merge_both, conflict.take: Desk.load_theirs}
    for button, choice in choices.items():
        button.click(partial(_settle, page, choice), here, page.outputs(), **saving)
    brought = partial(_settle, page, Desk.bring_back)
    earlier.back.click(brought, [*here, earlier.chosen], page.outputs(), **saving)
    return AnnotateTab(root_path, song_path, timeline, songs, train)


@dataclass(frozen=True)
class _Page:
    """The components that handlers write to."""

    desk: gr.State
    root: gr.State
    song: gr.State
    memory: gr.BrowserState
    songs: SongList
    train: gr.Button
    notice: gr.HTML
    timeline: Timeline
    conflict: ConflictPanel
    fields: dict[str, gr.components.Component]
    folder: gr.Textbox
    names: gr.Textbox

    def save_outputs(self) -> list[gr.blocks.Block]:
        return [self.timeline, self.train, self.notice, *self.conflict.outputs()]

    def outputs(self) -> list[gr.blocks.Block]:
        own = [self.desk, self.root, self.song, self.memory, self.songs, self.folder, self.names]
        return own + self.save_outputs() + list(self.fields.values())


Updates = dict[Any, Any]


def _arrive(
    page: _Page,
    given: Path | None,
    local: bool,
    copies: bool,
    ready: Callable[[], None] | None,
    memory: dict[str, Any] | None,
) -> Updates:
    """A page has been opened: the song that was open in this browser, else the first that waits to be marked."""
    if ready is not None:
        ready()
    memory = memory if isinstance(memory, dict) and memory.get("given") == str(given) else {"given": str(given)}
    desk = Desk()
    root = _remembered_root(memory, local) or given
    if copies and given is not None:
        try:
            own = copy_for(memory.get("uploads"), given)
        except StudioError as problem:
            return {page.desk: desk, **_say(page, [str(problem)])}
        memory, root = {**memory, "uploads": own.word}, own.folder
    if root is None:
        return {page.desk: desk, **_say(page, ["Choose a folder of songs, or add songs, to begin."])}
    try:
        desk.open_dataset(root)
    except DatasetError as problem:
        return {page.desk: desk, page.folder: str(root), **_say(page, [str(problem)])}
    name = memory.get("song")
    return _show(page, desk, memory, name if name in desk.songs else desk.first_to_mark())


def _choose(page: _Page, desk: Desk | None, memory: dict[str, Any] | None, name: str | None) -> Updates:
    if desk is None:
        return _say(page, [NO_DESK])
    return _show(page, desk, memory, name, listed=True)


def _open_folder(page: _Page, desk: Desk | None, memory: dict[str, Any] | None, typed: str) -> Updates:
    if desk is None:
        return _say(page, [NO_DESK])
    if not typed.strip():
        return _say(page, ["Type the path of a folder that holds songs."])
    root = Path(typed.strip().strip("\"'")).expanduser()
    try:
        desk.open_dataset(root.resolve())
    except (StudioError, OSError) as problem:
        return _say(page, [str(problem)])
    return _show(page, desk, memory, desk.first_to_mark())


def _read_on(page: _Page, desk: Desk | None) -> Updates:
    """The list has names alone of some songs and asks for more."""
    if desk is None:
        return {page.songs: songs_read([])}
    return {page.songs: songs_read(desk.read_on()), page.train: _offer(desk)}


def _use_names(page: _Page, desk: Desk | None, memory: dict[str, Any] | None, typed: str) -> Updates:
    """Name parts of this dataset so from now on; events keep the names that they have."""
    if desk is None or desk.root is None:
        return _say(page, [NO_DESK if desk is None else "Open a folder first."])
    try:
        save_vocabulary(desk.root, [name for name in typed.split(",") if name.strip()])
    except StudioError as problem:
        return _say(page, [str(problem)])
    return _show(page, desk, memory, (memory or {}).get("song") or desk.first_to_mark(), listed=True)


def _upload(
    page: _Page,
    local: bool,
    copies: bool,
    desk: Desk | None,
    memory: dict[str, Any] | None,
    files: Sequence[str] | None,
) -> Updates:
    """Copy songs into the visitor's own folder and open it: shared on one's own machine, separate on a server."""
    if desk is None:
        return _say(page, [NO_DESK])
    memory = dict(memory or {})
    root, brought = UPLOADS, [Path(file) for file in files or []]
    if not local:
        own = known(memory.get("uploads")) or fresh()
        memory["uploads"], root = own.word, own.folder
    try:
        check_upload(brought)
        if copies:
            check_room(brought, root)
        added, refused = add_songs(root, brought)
        desk.open_dataset(root)
    except (StudioError, OSError) as problem:
        return _say(page, [str(problem)])
    return _show(page, desk, memory, added[0] if added else desk.first_to_mark(), refused)


def _remembered_root(memory: dict[str, Any], local: bool) -> Path | None:
    """The folder this browser had open. Only on the machine itself may a browser name any folder."""
    root = memory.get("root")
    if local:
        return Path(root) if isinstance(root, str) and Path(root).is_dir() else None
    own = known(memory.get("uploads"))
    return own.folder if own and root == str(own.folder) else None


def _show(
    page: _Page,
    desk: Desk,
    memory: dict[str, Any] | None,
    name: str | None,
    sentences: Sequence[str] = (),
    listed: bool = False,
    saved: str = "",
) -> Updates:
    """Open a song and fill the page with it; `listed` where the page has the list already, `saved` if it was saved."""
    try:
        opened = desk.open_song(name or "")
    except StudioError as problem:
        return _say(page, [str(problem)])
    assert desk.root is not None  # a song is open
    waiting = desk.conflicts.get(opened.song.name)
    seen = waiting.mine if waiting else opened.sidecar
    trouble = [opened.trouble] if opened.trouble else []
    found = [*sentences, *trouble, *(s for s in opened.song.problems if s not in trouble)]
    if opened.sidecar.imported:
        found.append("These sections come from a machine's analysis in the sidecar. Your first edit makes them yours.")
    value = timeline_value(
        opened.duration,
        seen.events,
        track=opened.track,
        song=opened.song.name,
        beats=seen.beats,
        past=undo_steps(opened.sidecar),
        meter=_meter(seen.get("timesignature")),
        blind=is_blind(opened.song.name),
        types=read_vocabulary(desk.root),
        mode="view" if opened.trouble else "edit",
    )
    return {
        page.desk: desk,
        page.root: str(desk.root),
        page.song: str(opened.song.audio),
        page.memory: {**(memory or {}), "root": str(desk.root), "song": opened.song.name},
        page.songs: song_list_value(
            [desk.songs[opened.song.name]] if listed else desk.songs.values(), opened.song.name, not listed
        ),
        page.folder: str(desk.root),
        page.names: ", ".join(value["types"]),
        page.train: _offer(desk),
        page.timeline: gr.update(value=value, status={"song": opened.song.name, "text": saved} if saved else None),
        **conflict_updates(page.conflict, waiting),
        **_say(page, found),
        **field_updates(desk, opened, page.fields),
    }


def _meter(timesignature: object) -> int:
    """Beats in a bar: `3`, `"3"` or `"3/4"` is 3; 4 where nobody has said."""
    found = re.match(r"([2-9]|1[0-2])\b", str(timesignature or ""))
    return int(found[1]) if found else 4


def _say(page: _Page, sentences: Sequence[str]) -> Updates:
    """Sentences above the timeline; file names and labels in them are shown as text."""
    lines = "".join(f"<p>{html.escape(line)}</p>" for sentence in sentences for line in sentence.splitlines())
    notice = f'<div class="sst-notice" role="alert">{lines}</div>'
    return {page.notice: gr.update(value=notice, visible=bool(sentences))}


def _offer(desk: Desk) -> Any:
    return gr.update(value=f"Train on these {desk.n_marked} songs", visible=desk.n_marked >= WORTH_TRAINING)


def _save_events(page: _Page, desk: Desk | None, value: dict[str, Any] | None) -> Updates:
    value = value or {}
    events, beats = value.get("events") or [], value.get("beats")
    return _save(page, desk, value, lambda here: here.save_events(value.get("song"), events, beats))


def _save_field(page: _Page, key: str, desk: Desk | None, value: dict[str, Any] | None, entry: Any) -> Updates:
    """The song is named by the timeline, not by the session: a field may lose the focus to a click on another song."""
    value = value or {}
    if not value.get("song"):
        return {page.timeline: gr.skip()}
    return _save(page, desk, value, lambda here: here.save_field(value["song"], key, entry))


def _fill_fields(
    page: _Page,
    listener: Callable[[Path], Mapping[str, str | float]],
    desk: Desk | None,
    memory: dict[str, Any] | None,
    value: dict[str, Any] | None,
) -> Updates:
    """Let a machine say what nobody has said of a song."""
    name = (value or {}).get("song")
    if desk is None or name not in desk.songs:
        return _say(page, [NO_DESK if desk is None else "Open a song first."])
    try:
        said = desk.fill_fields(name, listener(desk.root / name))
        sentences = [] if said else ["Tempo and key were known already, or cannot be heard."]
        return _show(page, desk, memory, name, sentences, listed=True)
    except StudioError as problem:
        return _say(page, [str(problem)])


def _look(page: _Page, desk: Desk | None, value: dict[str, Any] | None) -> Updates:
    """Somebody comes back to the page: has the file changed meanwhile?"""
    name = (value or {}).get("song")
    if desk is None or not desk.look(name):
        return {page.timeline: gr.skip()}
    return conflict_updates(page.conflict, desk.conflicts[name])


def _settle(
    page: _Page,
    choice: Callable[..., str | list[str] | None],
    desk: Desk | None,
    memory: dict[str, Any] | None,
    value: dict[str, Any] | None,
    *more: Any,
) -> Updates:
    """Let the desk choose a version of the open song, and show the song as it then is, with what the desk said."""
    name = (value or {}).get("song") or ""
    if desk is None:
        return _say(page, [NO_DESK])
    try:
        said = choice(desk, name, *more)
    except StudioError as problem:
        return {**conflict_updates(page.conflict, desk.conflicts.get(name)), **_say(page, [str(problem)])}
    if isinstance(said, list):
        return _show(page, desk, memory, name, said, listed=True)
    return _show(page, desk, memory, name, listed=True, saved=said or "")


def _save(page: _Page, desk: Desk | None, value: dict[str, Any], action: Any) -> Updates:
    """Run a save and report it beside the timeline; a conflict opens the panel with both versions."""
    report = {"song": value.get("song"), "rev": value.get("rev")}
    if desk is None:
        return {page.timeline: gr.update(status={**report, "kind": "error", "text": NO_DESK})}
    before = _problems(desk, report["song"])
    try:
        text = action(desk)
    except SidecarConflict:
        changed = {**report, "kind": "error", "text": "Not saved: the file changed on disk.", "kept": True}
        asked = conflict_updates(page.conflict, desk.conflicts[report["song"]])
        return {page.timeline: gr.update(status=changed), **asked}
    except StudioError as problem:
        return {page.timeline: gr.update(status={**report, "kind": "error", "text": f"Not saved. {problem}"})}
    if text is None:
        return {page.timeline: gr.skip()}
    after = _problems(desk, report["song"])
    status = gr.update(status={**report, "kind": "ok", "text": text, "problems": after})
    told = _say(page, after) if after != before else {}
    return {page.timeline: status, page.train: _offer(desk), **told}


def _problems(desk: Desk, name: object) -> list[str]:
    song = desk.songs.get(name) if isinstance(name, str) else None
    return song.problems if song else []
