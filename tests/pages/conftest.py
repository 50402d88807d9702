"""The app without a browser, on a workspace of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.services import workspace
from experiments_core.services.workspace import Workspace
from experiments_core.settings import Settings

ROOT = Path(__file__).parents[2]

Open = Callable[..., AppTest]


@pytest.fixture
def ws(tmp_path: Path) -> Iterator[Workspace]:
    """An empty workspace that the pages of this process serve."""
    yield workspace.start(Settings(workspace=tmp_path / "upshot.duckdb"))
    workspace.stop()


@pytest.fixture
def open_page(ws: Workspace) -> Open:
    """Open a page by name, with query parameters, as a link would."""
    assert ws.settings.workspace.exists()

    def opened(page: str, **params: str) -> AppTest:
        app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30)
        app.switch_page(f"pages/{page}.py")
        for name, value in params.items():
            app.query_params[name] = value
        return app.run()

    return opened
