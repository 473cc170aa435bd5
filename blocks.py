"""Blocks that answer whatever their functions found: Gradio ends its whole stream on half a character."""

from __future__ import annotations

from typing import Any

import gradio as gr

from structure.sendable import sendable


class SendableBlocks(gr.Blocks):
    """`gr.Blocks` whose answers and errors hold nothing that UTF-8 cannot hold."""

    async def process_api(self, *args: Any, **more: Any) -> dict[str, Any]:
        try:
            answer = await super().process_api(*args, **more)
        except gr.Error as problem:
            problem.message = sendable(problem.message)
            raise
        return answer | {"data": sendable(answer["data"])}
