"""An endpoint on this machine: it speaks the contract, makes songs of a tenth of a second, and misbehaves when told to.

What it is told (`misdeeds`) happens to the next songs asked for, one each; then it is good again.
"""

import base64
import http.server
import io
import json
import random
import threading
import time
import wave
from typing import Any

RATE = 8000  # Hz


def song(seed: int) -> bytes:
    """A WAV file of a tenth of a second: noise of its own for each seed."""
    file = io.BytesIO()
    with wave.open(file, "wb") as audio:
        audio.setparams((1, 2, RATE, 0, "NONE", ""))
        audio.writeframes(random.Random(seed).randbytes(2 * RATE // 10))
    return file.getvalue()


class SmallEndpoint:
    """`asked` holds each request's inputs, `tokens` the token that came with it.

    `misdeeds` are a status with its headers, or `cut`, `endless`, `hang` (until `released`), `other id`, `no base64`,
    `half a song`, `error as 200`, `indiscreet`, or an address to redirect to.
    """

    def __init__(self, token: str = "") -> None:
        self.token = token
        self.misdeeds: list[Any] = []
        self.asked: list[dict[str, Any]] = []
        self.tokens: list[str] = []
        self.seconds = 0.0  # that a song takes
        self.health = self.ready = 200
        self.port = 0
        self.released = threading.Event()
        self.come_back()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def come_back(self) -> None:
        """Listen, at the port of before where there was one."""
        self.server = _Server(("127.0.0.1", self.port), _Handler)
        self.server.endpoint = self
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    def die(self) -> None:
        """Listen no longer."""
        self.server.shutdown()
        self.server.server_close()

    def stop(self) -> None:
        self.released.set()
        self.die()

    def count(self, **fields: Any) -> int:
        """How many songs were asked for with these inputs."""
        return sum(fields.items() <= inputs.items() for inputs in list(self.asked))


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    endpoint: SmallEndpoint

    def handle_error(self, *_: object) -> None:
        """A client that was killed left; that is what the tests do."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        endpoint = self.server.endpoint
        if self.path == "/health":
            return self._answer(endpoint.health, {"status": "ok"})
        if self.path == "/ready" and endpoint.ready == 200:
            return self._answer(200, {"status": "ready", "model": "starter", "adapters": ["default"], "waiting": 0})
        if self.path == "/ready":
            return self._answer(endpoint.ready, {"status": "starting"})
        self._answer(404, {"error": "no such page"})

    def do_POST(self) -> None:
        endpoint = self.server.endpoint
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if endpoint.token and token != endpoint.token:
            return self._answer(401, {"error": f"the token {token} is wrong"})  # careless, as servers are
        if "inputs" not in body:
            return self._answer(400, {"error": "`inputs` is missing"})
        inputs = body["inputs"]
        endpoint.asked.append(inputs)
        endpoint.tokens.append(token)
        misdeed = endpoint.misdeeds.pop(0) if endpoint.misdeeds else None
        time.sleep(endpoint.seconds)
        if inputs.get("caption") == "refuse me":
            return self._answer(400, {"error": "this caption cannot be sung"})
        if isinstance(misdeed, tuple):
            return self._answer(misdeed[0], {"error": "as told"}, misdeed[1])
        if misdeed == "error as 200":
            return self._answer(200, {"error": "the structure overlaps"})
        if misdeed == "hang":
            endpoint.released.wait(30)
        if isinstance(misdeed, str) and misdeed.startswith("http"):
            return self._answer(307, {}, {"Location": misdeed})
        return self._song(inputs, misdeed, token)

    def _song(self, inputs: dict[str, Any], misdeed: str | None, token: str) -> None:
        form, seed = inputs.get("format", "wav"), inputs.get("seed", 42)
        audio = {"flac": b"fLaC", "ogg": b"OggS", "mp3": b"ID3", "wav": b""}[form] + song(seed)
        text = base64.b64encode(audio[: len(audio) // 2] if misdeed == "half a song" else audio).decode()
        answer = {
            f"audio_base64_{form}": "*" + text[1:] if misdeed == "no base64" else text,
            "format": form,
            "sample_rate": RATE,
            "duration_sec": 0.1,
            "events": [{"type": "intro", "start": 0, "end": 0.1}],
            "seed": seed,
            "id": "somebody else's" if misdeed == "other id" else inputs.get("id"),
            "timings": {"queue": 0.0, "generate": 0.05, "encode": 0.0},
            "versions": {"model": "starter"},
            "meta": {"headers": f"Bearer {token}"} if misdeed == "indiscreet" else {"timesignature": "4"},
        }
        body = json.dumps(answer).encode()
        if misdeed in ("cut", "endless"):
            self.send_response(200)
            length = ("Content-Length", str(len(body))) if misdeed == "cut" else ("Connection", "close")
            self.send_header(*length)
            self.end_headers()
            self.wfile.write(body[: len(body) // 2])
            self.close_connection = True
        else:
            self._answer(200, answer)

    def _answer(self, status: int, content: Any, headers: dict[str, str] | None = None) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass
