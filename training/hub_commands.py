"""What both command lines say and do about the hub: the flags, and handing an adapter over when a run has ended."""

import argparse
import signal
from pathlib import Path

from structure.errors import StudioError
from training.hub import DEFAULT_TOKEN_VARIABLE, HubPlace, NotUploadedError, upload_lines, upload_run

HUB_FLAGS = (
    "dataset_repo", "dataset_revision", "dataset_subdir", "upload_repo", "upload_path", "upload_private",
    "upload_dry_run", "hf_token_env",
)  # fmt: skip


def add_hub_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `HUB_FLAGS`, for training."""
    hub = parser.add_argument_group("Hugging Face hub", "Nothing is fetched or sent unless one of these asks for it.")
    hub.add_argument("--dataset-repo", metavar="OWNER/NAME", help="train on this dataset, kept in the user's cache")
    hub.add_argument("--dataset-revision", default="main", help="branch, tag or commit of it (default: main)")
    hub.add_argument("--dataset-subdir", default="", metavar="FOLDER", help="folder in it that holds the songs")
    hub.add_argument("--upload-repo", metavar="OWNER/NAME", help="where the finished adapter goes; unset: nowhere")
    hub.add_argument("--upload-path", default="", metavar="FOLDER", help="folder in that repository; unset: its root")
    hub.add_argument(
        "--upload-private",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a new repository is its owner's alone, and one that everybody can see is refused (default)",
    )
    hub.add_argument("--upload-dry-run", action="store_true", help="list the files that would go, and send nothing")
    add_token_flag(hub)


def add_songs_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`upload-songs SONGS --repo OWNER/NAME`."""
    songs = commands.add_parser("upload-songs", help="send a dataset's songs and sidecars to the Hugging Face hub")
    songs.add_argument("dataset", type=Path)
    _add_place(songs)


def add_upload_command(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """`upload RUN --repo OWNER/NAME`."""
    upload = commands.add_parser("upload", help="send a run's adapter and its card to the Hugging Face hub")
    upload.add_argument("run", type=Path)
    _add_place(upload)


def _add_place(upload: argparse.ArgumentParser) -> None:
    upload.add_argument("--repo", required=True, metavar="OWNER/NAME", help="where to")
    upload.add_argument("--path", default="", metavar="FOLDER", help="folder in the repository; unset: its root")
    upload.add_argument(
        "--private",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="a new repository is its owner's alone, and one that everybody can see is refused (default)",
    )
    upload.add_argument("--dry-run", action="store_true", help="list the files that would go, and send nothing")
    add_token_flag(upload)


def add_token_flag(parser: "argparse.ArgumentParser | argparse._ArgumentGroup") -> None:
    """`--hf-token-env NAME`."""
    parser.add_argument(
        "--hf-token-env",
        default=DEFAULT_TOKEN_VARIABLE,
        metavar="NAME",
        help=f"environment variable that holds the hub's token (default: {DEFAULT_TOKEN_VARIABLE})",
    )


def send(run_folder: Path, place: HubPlace, dry_run: bool) -> None:
    """Upload a run's adapter, or list what would go.

    Raises:
        StudioError: see `upload_run`.
    """
    if dry_run:
        print("\n".join(upload_lines(run_folder, place)))
        return
    print(f"The adapter is at {upload_run(run_folder, place)}.")


def hand_over(run_folder: Path, place: HubPlace, finished: bool, dry_run: bool) -> None:
    """The same at the end of a run, whose adapter is on disk whatever happens here.

    Raises:
        NotUploadedError: it could not be sent, or the run was stopped, and half-learnt adapters stay at home.
    """
    later = f"`python -m training upload {run_folder} --repo {place.repository}` sends it"
    if not finished:
        raise NotUploadedError(f"The run was stopped, so nothing was sent to {place.repository}; {later} all the same.")
    for name in (signal.SIGINT, signal.SIGTERM):  # while training they asked for a last checkpoint
        signal.signal(name, signal.default_int_handler)
    try:
        send(run_folder, place, dry_run)
    except NotUploadedError:
        raise
    except StudioError as problem:
        raise NotUploadedError(f"{problem} The adapter is safe in {run_folder}; {later} later.") from problem
    except KeyboardInterrupt as problem:
        raise NotUploadedError(f"The upload was interrupted; {later} later.") from problem
