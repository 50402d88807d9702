"""docs/compat.md, made from the routes of the dialects and the tests that walk them.

Run ``python -m tests.api.facades.table`` to write it anew.
"""

from __future__ import annotations

import re
from pathlib import Path

from experiments_core.api.app import FACADES

ROOT = Path(__file__).parents[3]
DOC = ROOT / "docs" / "compat.md"
HEAD = """# Dialects of other services

Clients of the services below work against Upshot with only their base URL changed. Each row is
a route that is served; `tests/api/facades/` replays the printed examples and walks every rule,
so a row that stopped working would fail the build. This file is made from those tests
(`python -m tests.api.facades.table`).

| dialect | base | method and path | answers | what it does |
|---|---|---|---|---|
"""
TAIL = "\n## What the tests hold\n"


def made() -> str:
    """The whole document."""
    rows = [
        f"| {door.tag} | `{base}` | `{one.method} {one.path}` | {one.rule.status} | "
        f"{(one.handler.__doc__ or '').strip().splitlines()[0].replace('``', '`')} |"
        for base, door in FACADES
        for one in door.routes
    ]
    return HEAD + "\n".join(rows) + "\n" + TAIL + "\n".join(_held()) + "\n"


def _held() -> list[str]:
    lines = []
    for file in sorted(Path(__file__).parent.glob("test_*.py")):
        if file.stem == "test_table":
            continue
        lines.append(f"\n### {file.stem.removeprefix('test_').capitalize()}\n")
        names = re.findall(r"^def test_(\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
        lines += [f"- {name.replace('_', ' ')}" for name in names]
    return lines


if __name__ == "__main__":
    DOC.write_text(made(), encoding="utf-8")
