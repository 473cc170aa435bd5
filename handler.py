"""An inference endpoint: `EndpointHandler(path)(payload)`, as Hugging Face's inference toolkit calls it.

    EndpointHandler("")({"inputs": {"structure": "intro 0-4, verse 4-12, chorus 12-20", "prompt": "warm synthwave"}})

`docs/endpoint.md` lists what a request may say, what an answer holds, and the environment's variables that say what is
served (ACE_MODEL_REPO, ACE_ADAPTERS …). ACE_SKIP_INIT=1 loads the model with the first request.
"""

import os
from typing import Any

from serving.service import SongService
from serving.settings import read_environment


class EndpointHandler:
    """Serves the starter, or what `path` and the environment name.

    Args:
        path: folder of the endpoint's repository; empty: the starter.

    Raises:
        StudioError: what is to be served cannot be had; one sentence for the endpoint's log.
    """

    def __init__(self, path: str = "") -> None:
        self._service = SongService(read_environment(path))
        if os.environ.get("ACE_SKIP_INIT", "").lower() not in ("1", "true", "yes"):
            self._service.warm()

    def __call__(self, data: Any) -> dict[str, Any]:
        """The song, or `{"error": "one sentence"}`; nothing is raised."""
        return self._service.answer(data)
