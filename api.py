"""What programs may call of the page beside the tabs' own: a dataset's songs, adapters, and a comparison of two.

Training's three functions and `generate_sample` are their tabs' own. No function changes what another visitor has
open: the model stays warm for all, and each song names the adapter that it is made with.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypedDict

import gradio as gr

from acestep.receiving import receive_adapter
from annotate.dataset import add_songs
from annotate.page_api import file_for_program, serve, uploaded
from annotate.visiting import Folders, SongRow, edit_song, list_songs
from annotate.visitors import check_room, check_upload
from generation.adapters import AdapterList, AdapterRow, base_hash, find_adapter, list_rows, shelf
from generation.candidates import Candidate, Made, made_of, make_pair
from generation.history import tidy
from generation.jobs import DEFAULT_ADAPTER, NO_ADAPTER, Job
from generation.service import output_folder
from generation.takes_panel import DEVICE
from generation.warm import DeviceGate, loaded, release_adapter


class Added(TypedDict):
    """Songs that were added; `refused` has a sentence for each file that was not, `folder` names where they are."""

    folder: str
    added: list[str]
    refused: list[str]


class Side(TypedDict):
    """One song of a comparison."""

    song: gr.FileData
    sidecar: gr.FileData
    made: Made


class Pair(TypedDict):
    """Two songs that differ in their adapter alone."""

    a: Side
    b: Side


def serve_dataset(root: Path, local: bool, ready: Callable[[], None] | None = None, copies: bool = False) -> None:
    """Inside the caller's `gr.Blocks`: look at songs, add some, save what is known of one.

    Args:
        root: the dataset that the page was opened on.
        local: the page is used on this very machine, so a program may name any folder of it.
        ready: returns once the songs of `root` are there.
        copies: each visitor has songs of their own, and changes no other.
    """
    folders = Folders(root, local, copies)

    def found(folder: str) -> Path:
        if ready is not None and not folder.strip():
            ready()
        return folders.find(folder)

    def scan_folder(folder: str = "") -> list[SongRow]:
        """List the songs of a dataset: name, caption, length, number of events, what is wrong, version of the sidecar.

        Args:
            folder: empty: the page's dataset; else a folder in it, or one that `load_uploaded` named.

        Returns:
            one row a song, by name; `version` is what `save_sidecar` wants to be told.
        """
        return list_songs(found(folder))

    def load_uploaded(files: list[gr.FileData], folder: str = "") -> Added:
        """Add songs to a dataset, with their sidecars and texts, single or in zip archives; nothing is overwritten.

        Args:
            files: audio, sidecars and texts beside them, zip archives; each wrapped in `handle_file(…)`.
            folder: empty: the page's dataset on its own machine, else a new folder that only the answer names.

        Returns:
            the folder's name for `scan_folder`, the songs added, and a sentence for each file that was refused.
        """
        place, name = folders.for_uploads(folder)
        brought = uploaded(files)
        check_upload(brought)
        if copies:
            check_room(brought, place)
        added, refused = add_songs(place, brought)
        return Added(folder=name, added=added, refused=refused)

    def save_sidecar(song: str, fields: dict[str, Any], version: str = "", folder: str = "") -> SongRow:
        """Set keys of a song's sidecar and keep all others; refused where it changed since it was looked at.

        Args:
            song: its name, as `scan_folder` tells it.
            fields: keys of the JSON file and their values, such as caption, bpm or events; None empties one.
            version: the sidecar's, as `scan_folder` or the last save told it; empty where there is none yet.
            folder: as for `scan_folder`.

        Returns:
            the song as it is now, with its new version.
        """
        if ready is not None and not folder.strip():
            ready()
        return edit_song(folders.to_change(folder), song, fields, version)

    for function in (scan_folder, load_uploaded, save_sidecar):
        serve(function)


def serve_adapters(
    model: str,
    local: bool,
    adapters: AdapterList,
    gate: DeviceGate | None = None,
    reference: Callable[[], Path] | None = None,
) -> None:
    """Inside the caller's `gr.Blocks`: see adapters, send one, try one, hear two beside one another.

    Args:
        model, adapters, gate, reference: as `generation.tab.build` takes them.
        local: the page is used on this very machine, so a card is told with the folders that it names.
    """

    def list_adapters() -> list[AdapterRow]:
        """List the adapters that a song can be made with.

        Returns:
            name, base model, whether it knows events, and what is wrong with it, empty where nothing is.
        """
        return list_rows(model, adapters)

    def upload_adapter_files(files: list[gr.FileData], name: str = "adapter") -> str:
        """Send the files of one adapter: safetensors and JSON, looked at before any is kept.

        Args:
            files: all of the adapter's folder under their own names, each wrapped in `handle_file(…)`.
            name: for people; letters, digits, - and _ of it are kept.

        Returns:
            the name by which `generate_sample`, `ab_test` and `load_adapter` know it from now on.
        """
        return receive_adapter(uploaded(files), shelf(), name, model, base_hash(model)).name

    def load_adapter(name: str = DEFAULT_ADAPTER) -> dict[str, Any]:
        """Check an adapter on the model and keep both warm; what other visitors chose stays as it is.

        Args:
            name: as `list_adapters` tells it.

        Returns:
            its card: base, vocabulary, rank, scores; empty for no adapter, or one of other make.
        """
        job = Job(adapter=find_adapter(model, adapters, name))
        with loaded(model, job, gate=gate) as pipeline:
            card = pipeline.card
        return {} if card is None else card.model_dump(mode="json", exclude=set() if local else {"settings"})

    def unload_adapter() -> bool:
        """Take the warm adapter off the model and give its memory back; a song that names it loads it again.

        Returns:
            False where none was warm, or a song is being made with it.
        """
        return release_adapter()

    def ab_test(
        request: dict[str, Any], adapter_a: str = DEFAULT_ADAPTER, adapter_b: str = NO_ADAPTER, seed: int = 1
    ) -> Pair:
        """Make two songs on one seed that differ in their adapter alone.

        Args:
            request: structure or events, caption, lyrics, duration, bpm, keyscale, steps, guidance, as in a sidecar.
            adapter_a: a name that `list_adapters` gives.
            adapter_b: another one.
            seed: of both songs.

        Returns:
            `a` and `b`, each with song, sidecar, and what made it and what a judge heard, where there is one.
        """
        chosen = find_adapter(model, adapters, adapter_a), find_adapter(model, adapters, adapter_b)
        a, b = make_pair(request, chosen, seed, reference, model=model, gate=gate)
        tidy(output_folder(), [a.take.name, b.take.name])
        return Pair(a=_side(a), b=_side(b))

    for function in (list_adapters, upload_adapter_files):
        serve(function)
    for function in (load_adapter, unload_adapter, ab_test):
        serve(function, concurrency_id=DEVICE, concurrency_limit=1)


def _side(candidate: Candidate) -> Side:
    audio, sidecar = file_for_program(candidate.song.audio), file_for_program(candidate.song.sidecar)
    return Side(song=audio, sidecar=sidecar, made=made_of(candidate))
