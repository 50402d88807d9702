"""docs/api.md names every route that is served, and no other."""

from __future__ import annotations

import re

from experiments_core.api.app import DOORS
from tests.api import routes


def test_every_route_is_documented_and_none_that_is_gone():
    """``python -m tests.api.routes`` writes the list anew."""
    document = routes.DOC.read_text(encoding="utf-8").partition(routes.HEADING)[2]
    told = set(re.findall(r"^\| `([A-Z]+ /\S*)`", document, re.MULTILINE))
    assert told == {f"{one.method} {one.path}" for door in DOORS for one in door.routes}
