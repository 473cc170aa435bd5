"""The endpoint's contract over HTTP, for a machine of one's own: FastAPI around `SongService` and `Line`."""

import hmac
import json
import sys
import traceback
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import anyio.to_thread
import uvicorn
from fastapi import Request, Response
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.requests import ClientDisconnect

from generation.jobs import Job
from serving.line import Gone, Line, Refused
from serving.requests import FORMATS, read_body, sentence_of
from serving.service import BROKEN, SongService
from structure.errors import StudioError

EXAMPLE = {"inputs": {"prompt": "warm synthwave", "structure": "intro 0-4, verse 4-12, chorus 12-20", "seed": 7}}
NO_TOKEN = "This endpoint asks for its token: send the header `Authorization: Bearer TOKEN`."


def build_server(service: SongService, line: Line, token: str | None = None) -> FastAPIOffline:
    """The application: POST / and /generate, GET /health, /ready, /openapi.json and /docs (no request leaves the page).

    Args:
        service: makes the songs.
        line: whose turn it is.
        token: that a client must send; None: anybody may ask.
    """
    state = {"status": "starting"}

    async def load() -> None:
        try:
            await anyio.to_thread.run_sync(service.warm)
            state["status"] = "ready"
        except Exception as problem:
            state["status"] = "broken"
            traceback.print_exc(file=sys.stderr)
            state["reason"] = sentence_of(problem) if isinstance(problem, StudioError) else BROKEN

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        async with anyio.create_task_group() as loading:
            loading.start_soon(load)  # /health answers meanwhile
            yield
            loading.cancel_scope.cancel()

    app = FastAPIOffline(title="Structure Studio endpoint", version="1", lifespan=lifespan)

    def refused(status: int, sentence: str, retry_after: int | None = None) -> JSONResponse:
        headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
        return JSONResponse({"error": sentence}, status, headers)

    def is_allowed(request: Request) -> bool:
        sent = request.headers.get("authorization", "").encode()
        return token is None or hmac.compare_digest(sent, f"Bearer {token}".encode())

    @app.get("/health")
    async def health() -> dict[str, str]:
        """The process lives."""
        return {"status": "ok"}

    @app.get("/ready")
    async def ready(request: Request) -> Response:
        """Whether the model is loaded, and what may be asked for."""
        if not is_allowed(request):
            return refused(401, NO_TOKEN)
        status = "stopping" if line.closed else state["status"]
        if status != "ready":
            more = {"error": state["reason"]} if "reason" in state else {}
            return JSONResponse({"status": status, **more}, 503, {"Retry-After": "2"})
        settings = service.settings
        return JSONResponse(
            {
                "status": "ready",
                "model": settings.model if settings.revision is None else f"{settings.model}@{settings.revision}",
                "adapters": settings.names,
                "waiting": line.waiting,
                "queue_limit": line.longest,
                "limits": {"duration": settings.max_duration, "steps": settings.max_steps, "bytes": settings.max_bytes},
            }
        )

    @app.post("/", openapi_extra=_described())
    @app.post("/generate", openapi_extra=_described())
    async def generate(request: Request) -> Response:
        """Make a song. 400: the request is wrong; 401: no token; 413: too large; 429 and 503: come again after
        `Retry-After` seconds; 504: it took too long. Every error is `{"error": "one sentence"}`."""
        if not is_allowed(request):
            return refused(401, NO_TOKEN)
        try:
            body = await _body(request, service.settings.max_bytes)
            asked = await anyio.to_thread.run_sync(lambda: service.read(read_body(body)))
            if state["status"] != "ready":
                return refused(503, state.get("reason", "The model is being loaded. Come again in a moment."), 2)
            made = await line.take(
                lambda stop, waited: json.dumps(service.make(asked, stop, waited)).encode(), request.is_disconnected
            )
            return Response(made, media_type="application/json")
        except Refused as refusal:
            return refused(refusal.status, refusal.sentence, refusal.retry_after)
        except StudioError as problem:
            return refused(400, sentence_of(problem))
        except (Gone, ClientDisconnect):
            return Response(status_code=499)  # nobody reads it
        except Exception:  # whoever asks gets a sentence; whoever keeps the endpoint, the reason
            traceback.print_exc(file=sys.stderr)
            return refused(500, BROKEN)

    return app


class Server(uvicorn.Server):
    """Uvicorn that closes the line when it is told to end: the song under way is finished and sent, the rest refused.

    Args:
        config: uvicorn's.
        line: to close.
    """

    def __init__(self, config: uvicorn.Config, line: Line) -> None:
        super().__init__(config)
        self._line = line

    def handle_exit(self, sig: int, frame: Any) -> None:
        """A second signal ends at once."""
        self._line.close()
        super().handle_exit(sig, frame)


async def _body(request: Request, most: int) -> bytes:
    """The request's body.

    Raises:
        Refused: it is longer than `most` bytes; the rest is not read.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > most:
            raise Refused(413, f"The request is larger than {most} bytes. Shorten its lyrics or events.")
    return bytes(body)


def _described() -> dict[str, Any]:
    """Of the request's body in OpenAPI."""
    fields = {name: field for name, field in Job.model_json_schema()["properties"].items() if name != "output"}
    inputs = {
        "type": "object",
        "description": "`prompt`, `query`, `text` and `description` mean `caption`, `duration_sec` means `duration`, "
        "`inference_steps` steps, `guidance_scale` guidance, `key` keyscale. `structure` may be a list of events.",
        "properties": {
            **{name: {"description": field.get("title", name)} for name, field in fields.items()},
            "format": {"enum": list(FORMATS), "default": "wav"},
            "sample_rate": {"type": "integer", "description": "Hz; unset: the model's own"},
            "instrumental": {"type": "boolean"},
            "id": {"type": "string", "description": "said again in the answer"},
        },
    }
    schema = {"type": "object", "required": ["inputs"], "properties": {"inputs": inputs}}
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema, "example": EXAMPLE}}}}
