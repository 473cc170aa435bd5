"""A run's model card: `README.md` in its folder, which is the adapter's folder, as the Hugging Face hub reads it.

Everything in it comes from what the run left behind: settings, curve, `adapter.json`, `origin.json`. Songs are counted
and not named, and no folder of the machine is told.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from acestep.adapter import read_card
from structure.errors import StudioError
from structure.files import write_whole
from structure.markdown import one_line
from training.card_picture import loss_picture
from training.card_text import MARK, PICTURE_FILE, card_text
from training.origin import read_origin, write_origin
from training.points import read_curves
from training.run_folder import CONFIG_FILE, has_adapter, read_state
from training.settings import read_settings

if TYPE_CHECKING:
    from training.dataset import DatasetReport

README_FILE = "README.md"


class CardError(StudioError):
    """A model card that cannot be written."""


def write_card(
    run_folder: Path, license: str | None = None, rights: str | None = None, song_names: bool = False
) -> Path:
    """Write `README.md` and its picture into a run's folder.

    Args:
        run_folder: holds an adapter.
        license: the hub's name of a licence or words; None: what the run's settings say.
        rights: a sentence on the songs; None: what the run's settings say.
        song_names: name the songs' files.

    Returns:
        the card.

    Raises:
        CardError: there is no adapter, somebody wrote the file by hand, or the disk refuses.
        StudioError: settings or `adapter.json` cannot be read.
    """
    folder = Path(run_folder)
    if not has_adapter(folder):
        raise CardError(f"{folder}: holds no adapter; choose the folder of a run that has ended.")
    settings, card = read_settings(folder / CONFIG_FILE), read_card(folder)
    stated = {name: value for name, value in (("license", license), ("rights", rights)) if value is not None}
    settings = settings.model_copy(update=stated)
    path = folder / README_FILE
    try:
        if path.exists() and MARK not in path.read_text(encoding="utf-8", errors="replace"):
            raise CardError(f"{path}: somebody wrote it by hand, so it is left as it is; move it away for a new one.")
        state = read_state(folder)
        picture = loss_picture(read_curves(folder), state.max_steps)
        if picture:
            write_whole(folder / PICTURE_FILE, picture.encode(), durable=False)
        origin = read_origin(folder)
        name = one_line(folder.resolve().name)
        text = card_text(name, settings, card, origin, state, picture, song_names)
        write_whole(path, text.encode(), durable=False)
    except OSError as problem:
        raise CardError(f"{path}: cannot be written ({problem.strerror}); make room or give write access.") from problem
    return path


def leave_card(run_folder: Path, report: "DatasetReport", device: str, log: Callable[[str], None]) -> None:
    """At a run's end: keep where the adapter comes from and write its card; a problem becomes a line of the log."""
    try:
        write_origin(run_folder, report, device)
        write_card(run_folder)
    except Exception as problem:  # hours of training are worth more than a card, whatever is wrong with it
        log(f"No model card was written ({problem}); `python -m training card {run_folder}` writes it later.")
