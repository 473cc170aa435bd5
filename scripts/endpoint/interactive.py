"""Ask, listen, change, ask again: `python interactive.py`, then `help`.

Songs lie in a folder that goes with the session; `save` keeps one. Commands may also come from a file:
`python interactive.py < commands.txt`. Exit status 0, or 1 where commands from a file met an error, or 2 where the
session could not begin.
"""

import argparse
import cmd
import json
import random
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).resolve().parent))  # the clients travel as one folder, wherever it is copied

from answer import Answer
from arguments import add_endpoint_flags, add_patience_flag, add_song_flags, endpoint_of, inputs_of, patience_of
from client import Endpoint
from errors import ClientError
from fields import field_name, read_value
from generate import choose_place, say_wait
from patience import Patience, ask_patiently
from players import play
from song_files import Place, write_song


@dataclass(frozen=True)
class Moment:
    """A request, and the song that it led to where one was made; `undo` goes back to the one before."""

    inputs: dict[str, Any] = field(default_factory=dict)
    asked: dict[str, Any] | None = None
    answer: Answer | None = None
    place: Place | None = None

    def request(self) -> dict[str, Any]:
        """What is sent."""
        return {"format": "wav"} | self.inputs


class Session(cmd.Cmd):
    """The prompt; each `do_…` is a command, and its docstring is what `help` says of it."""

    prompt = "> "
    doc_header = "Commands (help NAME tells more):"

    def __init__(self, endpoint: Endpoint, patience: Patience, inputs: dict[str, Any], folder: Path) -> None:
        super().__init__()
        self.endpoint = endpoint
        self.patience = patience
        self.folder = folder
        self.moments = [Moment(inputs)]
        self.made = 0
        self.unsaved = False
        self.errors = 0
        if sys.stdin.isatty():
            self.intro = f"{endpoint.url}: say `structure intro 0-4, verse 4-12`, `make`, `play`; `help` tells all."
        else:
            self.use_rawinput, self.prompt = False, ""

    @property
    def now(self) -> Moment:
        """What the next `make` asks for, and what `play` and `save` take."""
        return self.moments[-1]

    def do_structure(self, text: str) -> None:
        """structure TEXT: sections and moments in time, such as intro 0-4, verse 4-12, crash @12; nothing: none."""
        self._set("structure", text)

    def do_caption(self, text: str) -> None:
        """caption TEXT: what it should sound like."""
        self._set("caption", text)

    def do_seed(self, text: str) -> None:
        """seed N: same seed, same song; seed next: another one."""
        self._set("seed", str(random.randrange(1 << 31)) if text.strip() == "next" else text)

    def do_set(self, text: str) -> None:
        """set NAME VALUE: any field of the request, such as set bpm 96; without a value it is left to the endpoint."""
        name, _, value = text.strip().partition(" ")
        if not name:
            raise ClientError("say which field, such as `set bpm 96`.")
        self._set(field_name(name), value)

    def do_show(self, _: str) -> None:
        """show: the request as it stands, and the song."""
        print(json.dumps(self.now.inputs, indent=2, ensure_ascii=False))
        if self.now.answer is None:
            print("No song yet: make.")
            return
        changed = "" if self.now.asked == self.now.request() else " The request has changed since: make."
        print(f"{_in_words(self.now.answer)}{changed}")

    def do_make(self, _: str) -> None:
        """make: ask the endpoint for the song; Ctrl+C gives up."""
        inputs = self.now.request()
        answer = ask_patiently(self.endpoint, inputs, self.patience, say_wait)
        self.made += 1
        place = Place(self.folder / f"{self.made:03d}.{answer.format}")
        write_song(place, answer, inputs, self.endpoint.url)
        self.moments.append(Moment(self.now.inputs, inputs, answer, place))
        self.unsaved = True
        print(f"{_in_words(answer)} Say play, or save PATH.")

    def do_play(self, _: str) -> None:
        """play: hear the song."""
        audio = self._song()[1].audio
        if not play(audio):
            print(f"No player was found (ffplay, afplay, paplay, aplay). The song is {audio}")

    def do_save(self, text: str) -> None:
        """save PATH: keep the song and its sidecar under this name; nothing is overwritten."""
        if not text.strip():
            raise ClientError("say where, such as `save song.wav`.")
        answer = self._song()[0]
        target = choose_place(Path(text.strip()).expanduser(), {"format": answer.format}, overwrite=False)
        write_song(target, answer, self.now.asked or {}, self.endpoint.url)
        self.unsaved = False
        print(target.audio)

    def do_undo(self, _: str) -> None:
        """undo: back to how request and song were before the last command that changed them."""
        if len(self.moments) == 1:
            raise ClientError("there is nothing to undo.")
        self.moments.pop()
        self.do_show("")

    def do_quit(self, _: str) -> bool:
        """quit: leave; songs that were not saved are gone."""
        if self.unsaved:
            print("The last song was not saved.", file=sys.stderr)
        return True

    def hold(self) -> None:
        """Take commands until one is `quit`; Ctrl+C at a keyboard costs the line, not the songs."""
        while True:
            try:
                return self.cmdloop()
            except KeyboardInterrupt:
                if not sys.stdin.isatty():
                    raise
                self.intro = "\nSay quit to leave."

    def emptyline(self) -> bool:
        """Nothing said, nothing done; `cmd` would do the last command again."""
        return False

    def default(self, line: str) -> bool:
        """The end of the input, or a slip."""
        if line == "EOF":
            return self.do_quit("")
        raise ClientError(f"`{line.split()[0]}` is no command. Say help.")

    def onecmd(self, line: str) -> bool:
        """Carry a command out; what goes wrong is said, and the session goes on."""
        try:
            return bool(super().onecmd(line))
        except ClientError as problem:
            print(f"error: {problem}", file=sys.stderr, flush=True)
            self.errors += 1
        except KeyboardInterrupt:
            print("\ngiven up.", file=sys.stderr, flush=True)
        return False

    def _set(self, name: str, text: str) -> None:
        inputs = {key: value for key, value in self.now.inputs.items() if key != name}
        if text.strip():
            inputs[name] = read_value(name, text.strip())
        before = self.now
        self.moments.append(Moment(inputs, before.asked, before.answer, before.place))

    def _song(self) -> tuple[Answer, Place]:
        if self.now.answer is None or self.now.place is None:
            raise ClientError("there is no song yet: make.")
        return self.now.answer, self.now.place


def _in_words(answer: Answer) -> str:
    parts = ", ".join(f"{e.get('type')} {e.get('start')}–{e.get('end')}" for e in answer.events)
    length = "" if answer.duration is None else f"{answer.duration:g} s, "
    return f"A song of {length}seed {answer.seed}, in {answer.round_trip:.1f} s{': ' if parts else ''}{parts}."


def main(argv: Sequence[str] | None = None) -> int:
    """Hold a session."""
    parser = argparse.ArgumentParser(prog="interactive.py", description=__doc__.split("\n")[0])
    for add in (add_patience_flag, add_song_flags, add_endpoint_flags):
        add(parser)
    arguments = parser.parse_args(argv)
    try:
        with tempfile.TemporaryDirectory(prefix="songs-") as folder:
            session = Session(endpoint_of(arguments), patience_of(arguments), inputs_of(arguments), Path(folder))
            session.hold()
    except ClientError as problem:
        print(f"error: {problem}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(file=sys.stderr)
        return 130
    return 1 if session.errors and not sys.stdin.isatty() else 0


if __name__ == "__main__":
    sys.exit(main())
