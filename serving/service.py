"""Requests in, answers out, by the model that stays warm. One song at a time; nothing here knows of HTTP."""

import sys
import time
import traceback
from collections.abc import Callable
from typing import Any

from generation.service import make_samples
from generation.warm import warm_pipeline
from serving.answers import answer_of
from serving.requests import Asked, read_payload, sentence_of
from serving.settings import ServingSettings, fetched
from structure.errors import StudioError

BROKEN = "The song could not be made: a fault of the server, which its log tells. Other requests are not affected."


class SongService:
    """Makes the songs of requests.

    Args:
        settings: what is served.
    """

    def __init__(self, settings: ServingSettings) -> None:
        self.settings = settings
        self._fetched = False

    def warm(self) -> None:
        """Load model and default adapter now, so that the first request need not wait.

        Raises:
            StudioError: they cannot be had or loaded.
        """
        self._fetch()
        warm_pipeline(self.settings.model, self.settings.adapter("default"), self.settings.device)

    def read(self, payload: Any) -> Asked:
        """Check a request; no model is needed.

        Raises:
            StudioError: one sentence.
        """
        return read_payload(payload, self.settings)

    def make(self, asked: Asked, cancelled: Callable[[], bool] | None = None, queued: float = 0.0) -> dict[str, Any]:
        """The answer to a checked request.

        Args:
            asked: from `read`.
            cancelled: asked at every step.
            queued: seconds that it has waited.

        Raises:
            StudioError: model, adapter or request are at fault.
            Cancelled: `cancelled` said so.
        """
        self._fetch()
        song, facts = make_samples(asked.job, self.settings.model, self.settings.device, cancelled=cancelled)
        return answer_of(song, facts, asked, queued)

    def answer(self, payload: Any) -> dict[str, Any]:
        """The answer to any request; `{"error": sentence}` where there is no song."""
        began = time.perf_counter()
        try:
            return self.make(self.read(payload), queued=time.perf_counter() - began)
        except StudioError as problem:
            return {"error": sentence_of(problem)}
        except Exception:  # whoever asks gets a sentence; whoever keeps the endpoint, the reason
            traceback.print_exc(file=sys.stderr)
            return {"error": BROKEN}

    def _fetch(self) -> None:
        if not self._fetched:
            self.settings, self._fetched = fetched(self.settings), True
