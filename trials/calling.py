"""A program at the page: calls its functions by name over plain HTTP, so that a page that dies is noticed at once."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

SECONDS = 300.0  # for an answer from a busy machine


class CallError(Exception):
    """The page refused, or did not answer to the end."""


class Page:
    """The functions of a page.

    Args:
        url: of the page, with its last slash.

    Raises:
        httpx.HTTPError: it does not answer.
    """

    def __init__(self, url: str) -> None:
        self.http = httpx.Client(base_url=f"{url}gradio_api/", timeout=SECONDS)
        self.functions = self.http.get("info").json()["named_endpoints"]

    def call(self, name: str, **given: Any) -> Any:
        """What a function answers; what is not given is as the page has it.

        Raises:
            CallError, httpx.HTTPError: it refuses, or dies meanwhile.
        """
        parameters = self.functions[f"/{name}"]["parameters"]
        data = [given.get(p["parameter_name"], p.get("parameter_default")) for p in parameters]
        asked = self.http.post(f"call/{name}", json={"data": data}).raise_for_status().json()["event_id"]
        with self.http.stream("GET", f"call/{name}/{asked}") as answer:
            event = ""
            for line in answer.iter_lines():
                word, _, rest = line.partition(": ")
                if word == "event":
                    event = rest
                elif word == "data" and event == "complete":
                    told = json.loads(rest)
                    return told[0] if len(told) == 1 else told
                elif word == "data" and event == "error":
                    raise CallError(f"{name}: {rest}")
        raise CallError(f"{name}: no answer")

    def send(self, file: Path) -> dict[str, Any]:
        """Upload a file; what a function takes for it.

        Raises:
            httpx.HTTPError: the page does not take it.
        """
        with file.open("rb") as content:
            paths = self.http.post("upload", files={"files": (file.name, content)}).raise_for_status().json()
        return {"path": paths[0], "orig_name": file.name, "meta": {"_type": "gradio.FileData"}}


class Caller(threading.Thread):
    """Works at a page until the work ends or the page does; `trouble` says what ended it, empty for the work's end."""

    def __init__(self, url: str, work: Callable[[Page], None]) -> None:
        super().__init__(daemon=True)
        self.url, self.work, self.trouble = url, work, ""
        self.start()

    def run(self) -> None:
        try:
            self.work(Page(self.url))
        except (CallError, httpx.HTTPError) as problem:
            self.trouble = f"{type(problem).__name__}: {problem}"
