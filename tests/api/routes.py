"""The routes in docs/api.md: every one with its first line, by the resource it belongs to.

``python -m tests.api.routes`` writes them anew.
"""

from __future__ import annotations

from pathlib import Path

from experiments_core.api.app import DOORS
from experiments_core.api.door import Registered

DOC = Path(__file__).parents[2] / "docs" / "api.md"
HEADING = "## Routes\n"
LEAD = "Below `/api/v1`; `python -m tests.api.routes` writes this list from the code."


def listed() -> str:
    """The section, with its heading."""
    resources: dict[str, list[str]] = {}
    for door in DOORS:
        lines = resources.setdefault(door.tag, [])
        lines += [f"| `{one.method} {shown(one.path)}` | {_says(one)} |" for one in door.routes]
    tables = [
        "\n".join([f"\n| {tag} | |", "|---|---|", *lines]) for tag, lines in resources.items()
    ]
    return "\n".join([HEADING, LEAD, *tables]) + "\n"


def shown(path: str) -> str:
    """A path as clients write it, without how it is matched."""
    return path.replace(":path}", "}")


def _says(route: Registered) -> str:
    return (route.handler.__doc__ or "").strip().splitlines()[0].replace("``", "`")


def rewritten() -> str:
    """The document with the section as it should be."""
    before, _, _ = DOC.read_text(encoding="utf-8").partition(HEADING)
    return before.rstrip() + "\n\n" + listed()


if __name__ == "__main__":
    DOC.write_text(rewritten(), encoding="utf-8")
