"""Folders of procedural songs, made once: twenty that teach a judge, three to be judged."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from acestep.starter.songs import write_songs


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reference")
    write_songs(folder, count=20, seed=2_000)
    return folder


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("generated")
    write_songs(folder, count=3, seed=9_000)
    return folder


@pytest.fixture
def visit(browser: Any) -> Callable[..., AbstractContextManager[Any]]:
    """Opens a piece of the page in Chromium, served by itself; any error of the page fails the test."""

    @contextmanager
    def open_page(demo: Any, **served: Any) -> Iterator[Any]:
        address = demo.launch(prevent_thread_lock=True, quiet=True, ssr_mode=False, server_name="127.0.0.1", **served)[
            1
        ]
        try:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            troubles: list[str] = []
            page.on("pageerror", lambda error: troubles.append(str(error)))
            page.set_default_timeout(180_000)  # a busy machine is slow, not broken
            page.goto(address)
            yield page
            page.close()
            assert troubles == []
        finally:
            demo.close()

    return open_page
