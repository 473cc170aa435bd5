"""Spoilt files: what bad disks, other programs and people with bad intent make of good ones. Every choice is seeded."""

from __future__ import annotations

import json
import random
import re
import struct
import zipfile
from collections.abc import Callable
from io import BytesIO
from typing import Any

MARKUP = "<img src=x onerror=alert(1)><script>alert(1)</script>"
_HERE, _KEY = "@@spoilt value@@", "@@spoilt key@@"  # where a literal of JSON goes, once all around it is text


def _nested(depth: int, opening: str, closing: str) -> str:
    return opening * depth + "0" + closing * depth


LITERALS: tuple[str, ...] = (
    *("null", "true", "false", "0", "-1", "1", "2", "1.5", "-0.0", "1e-320", "1e308", "-1e308", "1e999", "-1e999"),
    *("NaN", "Infinity", "-Infinity", "9" * 30, "9" * 400, "-" + "9" * 400, "9" * 5000, "2147483648", "1e9", "65536"),
    *('""', '" "', '"0"', '"1e5"', '"nan"', '"\\ud800"', '"a\\u0000b"', '"\\u202egnp.exe"', '"\\u001b[2J"', '"\\n"'),
    *(json.dumps(MARKUP), '"../../../outside"', '"/outside"', '"C:\\\\outside"', '"(a+)+$"', '"(.*)*!"', '"[("'),
    *('".*.*.*.*.*.*.*.*!"', '"all-linear"', '"=1+1"', f'"{"x" * 300}"', f'"{"long " * 40_000}"', '"\U0001f3b5"'),
    *("[]", "{}", "[[]]", "[null]", "[{}]", '{"":{}}', '{"a":1,"a":2}', "[1,2,3]", '["a"]', f"[{'0,' * 30_000}0]"),
    *(_nested(depth, "[", "]") for depth in (50, 300, 500, 900, 100_000)),
    *(_nested(depth, '{"a":', "}") for depth in (50, 300, 500, 900, 100_000)),
)
_KEYS = (
    *('"start"', '"type"', '""', '"\\ud800"', '"__class__"', '"a\\u0000"'),
    *(json.dumps(MARKUP), f'"{"k" * 9_000}"'),
)


class Spoiler:
    """Spoils content in ways that follow from a seed."""

    def __init__(self, seed: int | str) -> None:
        self.rng = random.Random(seed)

    def any_bytes(self, content: bytes) -> bytes:
        """Bits turned, bytes replaced, a stretch cut out, doubled, moved or filled."""
        spoilt = bytearray(content)
        for _ in range(self.rng.choice((1, 1, 1, 2, 5, 20))):
            if not spoilt:
                return bytes(spoilt)
            at, length = self.rng.randrange(len(spoilt)), self.rng.choice((1, 2, 4, 8, 64, len(spoilt) // 3 + 1))
            way = self.rng.randrange(7)
            if way == 0:
                spoilt[at] ^= 1 << self.rng.randrange(8)
            elif way == 1:
                spoilt[at] = self.rng.randrange(256)
            elif way == 2:
                del spoilt[at : at + length]
            elif way == 3:
                spoilt[at:at] = spoilt[at : at + length]
            elif way == 4:
                spoilt[at : at + length] = bytes([self.rng.choice((0, 0xFF, 0x22, 0x5B, 0x7B))]) * length
            elif way == 5:
                spoilt[at:at] = self.rng.randbytes(length)
            else:
                spoilt[at:] = b""
        return bytes(spoilt)

    def any_text(self, content: bytes) -> bytes:
        """A text file: its words, numbers and lines swapped for strange ones, or its bytes spoilt."""
        if self.rng.random() < 0.3:
            return self.any_bytes(content)
        lines = content.decode("utf-8", "replace").split("\n")
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            at = self.rng.randrange(len(lines))
            way = self.rng.randrange(5)
            if way == 0:
                del lines[at : at + 1]
                lines = lines or [""]
            elif way == 1:
                lines[at:at] = [lines[at]] * self.rng.choice((1, 3, 2000))
            elif way == 2:
                self.rng.shuffle(lines)
            else:
                lines[at] = self._strange_line(lines[at])
        return "\n".join(lines).encode("utf-8", "surrogatepass")

    def any_json(self, content: bytes) -> bytes:
        """A JSON file: values and keys replaced, left out, doubled and nested, or its bytes spoilt."""
        if self.rng.random() < 0.2:
            return self.any_bytes(content)
        data = json.loads(content)
        for _ in range(self.rng.choice((1, 1, 1, 2, 4))):
            data = self._change(data)
        return self._written(data)

    def any_lines(self, content: bytes) -> bytes:
        """A JSON object a line: one of them spoilt, or the lines as text."""
        if self.rng.random() < 0.2:
            return self.any_text(content)
        lines = content.splitlines()
        at = self.rng.randrange(len(lines))
        lines[at] = self.any_json(lines[at])
        return b"\n".join(lines) + b"\n"

    def any_safetensors(self, content: bytes) -> bytes:
        """Weights: the header's length, offsets, types and shapes, its words, or the numbers behind it."""
        way = self.rng.randrange(8)
        (length,) = struct.unpack("<Q", content[:8])
        header, data = json.loads(content[8 : 8 + length]), content[8 + length :]
        names = [name for name in header if name != "__metadata__"]
        if way == 0:
            return self.any_bytes(content)
        if way == 1:
            return (
                struct.pack("<Q", self.rng.choice((0, 1, length - 1, length + 1, 2**31, 2**63, 2**64 - 1)))
                + content[8:]
            )
        if way == 2:
            value = self.rng.choice((float("nan"), float("inf"), -float("inf"), 3e38, 1e-40))
            at = 4 * self.rng.randrange(max(1, len(data) // 4))
            many = self.rng.choice((1, len(data)))
            return (
                content[: 8 + length]
                + data[:at]
                + (struct.pack("<f", value) * many)[: len(data) - at]
                + data[at + 4 * many :]
            )
        if way == 3:
            spoilt = self.any_json(json.dumps(header).encode())
            return struct.pack("<Q", len(spoilt)) + spoilt + data
        if way == 4 and "__metadata__" in header:
            said = header["__metadata__"]
            name = self.rng.choice(sorted(said))
            with_json = said[name].lstrip().startswith("{")
            said[name] = (self.any_json if with_json else self.any_text)(said[name].encode()).decode("utf-8", "replace")
        elif names:
            one = header[self.rng.choice(names)]
            start, end = one["data_offsets"]
            if way == 5:
                one["dtype"] = self.rng.choice(("I64", "BOOL", "F64", "BF16", "F8_E4M3", "U8", "F16", "C64", "Q9"))
                if self.rng.random() < 0.5:  # as many numbers as these bytes are
                    size = {"I64": 8, "F64": 8, "BF16": 2, "F8_E4M3": 1, "U8": 1, "BOOL": 1, "F16": 2}.get(
                        one["dtype"], 8
                    )
                    one["shape"] = [(end - start) // size]
            elif way == 6:
                huge = self.rng.choice((0, 1, 2**16, 2**31, 2**40, 2**62, 2**63))
                one["shape"] = self.rng.choice(
                    (
                        [],
                        [0],
                        [huge],
                        [huge, huge],
                        [*reversed(one["shape"])],
                        [1] * 60,
                        [(end - start) // 4],
                        [0, 2**62],
                    )
                )
                if self.rng.random() < 0.3:  # nothing in the file, yet endless by its shape
                    one["shape"], one["data_offsets"] = [0, huge], [start, start]
            else:
                other = header[self.rng.choice(names)]
                one["data_offsets"] = self.rng.choice(
                    ([end, start], [0, end], [start, end + 4], [2**62, 2**63], [-1, end], [*other["data_offsets"]])
                )
        spoilt = json.dumps(header).encode()
        return struct.pack("<Q", len(spoilt)) + spoilt + data

    def any_zip(self, content: bytes) -> bytes:
        """An archive: fields of its directory, of an entry's own head or of its end; names; or its bytes."""
        way = self.rng.randrange(4)
        if way == 0:
            return self.any_bytes(content)
        if way == 1:
            return self._renamed(content)
        spoilt = bytearray(content)
        marks = {b"PK\x01\x02": (4, 46), b"PK\x03\x04": (4, 30), b"PK\x05\x06": (4, 22)}
        mark = self.rng.choice(list(marks))
        places = [at for at in range(len(spoilt) - 4) if spoilt[at : at + 4] == mark]
        first, last = marks[mark]
        for _ in range(self.rng.choice((1, 1, 2, 6))):
            at = self.rng.choice(places) + self.rng.randrange(first, last - 3)
            value = self.rng.choice((0, 1, 0xFFFF, 0xFFFFFFFF, 0x7FFFFFFF, 8, 99, self.rng.randrange(2**32)))
            width = self.rng.choice((2, 4))
            spoilt[at : at + width] = (value & (256**width - 1)).to_bytes(width, "little")
        return bytes(spoilt)

    def _renamed(self, content: bytes) -> bytes:
        """The same files under names that want out, or that no file can have."""
        names = (
            *("../outside.wav", "/outside.wav", "a/../../outside.wav", "C:/outside.wav", "..\\outside.wav", "con.wav"),
            *(
                "a/b.wav",
                "a.wav/b.wav",
                "A.wav",
                "a.wav",
                "x" * 300 + ".wav",
                "\x01.wav",
                "é.wav",
                "e\u0301.wav",
                ".wav",
            ),
            *(f"{MARKUP[:28]}.wav", "\u202evaw.wav", "a\n.wav", "song.json", "~/x.wav", "a//b.wav", "./a.wav", " .wav"),
            *("/" * 50 + "a.wav", "d/" * 300 + "a.wav", "song.wav.json", "__MACOSX/a.wav", "a:b.wav", "-rf.wav"),
        )
        made = BytesIO()
        with zipfile.ZipFile(BytesIO(content)) as old, zipfile.ZipFile(made, "w") as new:
            for entry in old.infolist():
                chosen = self.rng.choice(names) if self.rng.random() < 0.5 else entry.filename
                info = zipfile.ZipInfo(chosen)
                info.external_attr = self.rng.choice((0, 0, 0o120777 << 16, 0o060777 << 16, 0o100000 << 16))
                new.writestr(info, old.read(entry) if self.rng.random() < 0.8 else b"/etc/passwd")
        return made.getvalue()

    def _strange_line(self, line: str) -> str:
        words = line.split(self.rng.choice((" ", "\t", ",", ":", "]"))) or [""]
        strange = (
            *(
                "nan",
                "inf",
                "-1",
                "1e400",
                "9" * 400,
                "0",
                "-0",
                "1e-9",
                "99:99:99",
                "1:60",
                "1,5",
                "",
                '"',
                "''",
                "\x00",
            ),
            *(
                "\ud800",
                "\u202e",
                "\x1b[2J",
                MARKUP,
                "=1+1",
                "[" * 500,
                "(" * 500,
                "[Verse]",
                "verse",
                "end",
                "x2",
                "@",
                "#",
            ),
            *(
                "a " * 20_000,
                "x" * 100_000,
                "-" * 5_000,
                ": " * 5_000,
                "a, " * 5_000,
                '"' * 4_999,
                "1" * 4_000,
                " " * 50_000,
            ),
            *(
                "bars 1-8",
                "x99999999",
                "(verse x999) x999",
                "0-1e9",
                "family=x",
                "intensity=9e9",
                "8 bars",
                "\t" * 3_000,
            ),
        )
        words[self.rng.randrange(len(words))] = self.rng.choice(strange)
        return self.rng.choice((" ", "\t", ",", ":", "]")).join(words)

    def _change(self, data: Any) -> Any:
        """One place of a JSON value, changed; the whole where it holds none."""
        places: list[Callable[[], None]] = []
        self._collect(data, places)
        if not places or self.rng.random() < 0.02:
            return _HERE
        self.rng.choice(places)()
        return data

    def _collect(self, data: Any, places: list[Callable[[], None]]) -> None:
        if isinstance(data, dict):
            for key in list(data):
                places += [
                    lambda d=data, k=key: d.__setitem__(k, _HERE),
                    lambda d=data, k=key: d.__setitem__(k, _HERE),
                    lambda d=data, k=key: d.pop(k, None),
                    lambda d=data, k=key: d.__setitem__(_KEY, d.pop(k, None)),
                    lambda d=data, k=key: d.__setitem__(k, [d.get(k)]),
                    lambda d=data, k=key: d.__setitem__(self.rng.choice(sorted(map(str, d)) or [k]), d.get(k)),
                ]
                self._collect(data[key], places)
        elif isinstance(data, list):
            for i in range(min(len(data), 8)):
                places += [
                    lambda d=data, n=i: d.__setitem__(n % max(1, len(d)), _HERE) if d else None,
                    lambda d=data, n=i: d.__delitem__(n % len(d)) if d else None,
                    lambda d=data, n=i: (
                        d.extend([d[n % len(d)]] * self.rng.choice((1, 100))) if d and len(d) < 1000 else None
                    ),
                ]
                self._collect(data[i], places)

    def _written(self, data: Any) -> bytes:
        text = json.dumps(data, ensure_ascii=False)
        text = re.sub(f'"{_HERE}"', lambda _: self.rng.choice(LITERALS), text)
        text = re.sub(f'"{_KEY}"', lambda _: self.rng.choice(_KEYS), text)
        return text.encode("utf-8", "surrogatepass")
