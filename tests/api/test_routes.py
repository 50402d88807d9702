"""docs/api.md names every route that is served, and no other, and the codes of the frame."""

from __future__ import annotations

import re
from pathlib import Path

from experiments_core import api
from experiments_core.api import envelope
from experiments_core.api.app import DOORS
from tests.api import routes


def test_every_route_is_documented_and_none_that_is_gone():
    """``python -m tests.api.routes`` writes the list anew."""
    document = routes.DOC.read_text(encoding="utf-8").partition(routes.HEADING)[2]
    told = set(re.findall(r"^\| `([A-Z]+ /\S*)`", document, re.MULTILINE))
    assert told == {
        f"{one.method} {routes.shown(one.path)}" for door in DOORS for one in door.routes
    }


def test_every_code_of_the_frame_is_documented_with_its_status():
    """The table "Codes"; what a service refuses with is told where it refuses."""
    text = routes.DOC.read_text(encoding="utf-8").partition("## Codes")[2]
    rows = re.findall(r"^\| ([\d, ]+) \| ([^|]+) \|", text, re.MULTILINE)
    told = {(s, c) for left, right in rows for s in re.findall(r"\d+", left)
            for c in re.findall(r"`(\w+)`", right)}  # fmt: skip
    for kind, status in envelope.STATUS.items():
        assert (str(status), kind.code) in told
    frame = [one.read_text(encoding="utf-8") for one in Path(api.__file__).parent.glob("*.py")]
    written = set(re.findall(r'code="([A-Z_]+)"', "".join(frame)))
    assert written <= {code for _, code in told}
