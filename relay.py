"""Keeps the page from fetching what visitors name: Gradio takes whole addresses as well as paths, in two places.

Its file route hands an address on, and a file input fetches one. For neither has it a setting.
"""

import re
from typing import NoReturn

import gradio as gr
from gradio import processing_utils
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

REFUSAL = "This page fetches nothing from other machines. Send the file itself."
_ELSEWHERE = re.compile(r"/file=\s*https?:|/proxy=", re.IGNORECASE)


class NoRelay:
    """Refuses requests that would be handed on to another machine."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _ELSEWHERE.search(scope["path"]):
            await PlainTextResponse(REFUSAL, status_code=403)(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def fetch_nothing() -> None:
    """From now on no file input of this process takes an address in place of a file."""

    async def refuse(url: str) -> NoReturn:
        raise gr.Error(REFUSAL, print_exception=False)

    processing_utils.async_ssrf_protected_get = refuse  # through which all of Gradio's downloads go
