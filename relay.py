"""Keeps the page from fetching what visitors name: Gradio's file route takes whole addresses as well as paths."""

import re

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

_ELSEWHERE = re.compile(r"/file=\s*https?:|/proxy=", re.IGNORECASE)


class NoRelay:
    """Refuses requests that would be handed on to another machine."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and _ELSEWHERE.search(scope["path"]):
            refusal = PlainTextResponse("This page fetches nothing from other machines.", status_code=403)
            await refusal(scope, receive, send)
        else:
            await self.app(scope, receive, send)
