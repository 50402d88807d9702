"""docs/compat.md: what the dialects serve, rule by rule, and whether its test passes.

``python -m tests.api.facades.table`` runs the tests and writes it anew; it needs the documents
of the five services in ``UPSHOT_ACCEPTANCE_DATA``.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from experiments_core.api.app import FACADES
from experiments_core.api.door import Door, Registered
from tests.api.facades.rules import Held, rules_of

HERE = Path(__file__).parent
DOC = HERE.parents[2] / "docs" / "compat.md"
COMMON = "All dialects"
HEAD = """# Dialects of other services

Clients of the services below work against Upshot with only their base URL changed. This table
is made from the tests in `tests/api/facades/`: every row is a rule that a test holds over HTTP,
and the result is that of its last run (`python -m tests.api.facades.table` runs them and writes
this file). A test compares the file with what the tests say, so that a rule that breaks, or is
no longer tested, fails the build.

The paths and forms are those of the services' own documents, whose printed examples are sent as
they stand to a server that was started with `upshot serve`.

All of them, the pages and `/api/v1` share one organisation's experiments. A dialect lists and
finds those that it can tell in its own words, whichever door they came by; the service's own
filter narrows its list:

| dialect | can tell | its list is narrowed to |
|---|---|---|
| crewkit | two arms called `control` and `variant` | the organisation in the path |
| Krafter | tests of a resource | the flag in the path |
| Stamn | named participants | what the caller owns |
| KaireonAI | type `model` | nothing |
| ShortKit | types `ranking`, `config`, `feature` | status, if asked |

So ShortKit lists tests of a Krafter flag (`feature`) and of crewkit (`config`) too.
"""

Outcomes = Mapping[str, str]
"""``module.test`` -> ``passed``, ``failed`` or ``skipped``; the worst of its parameters."""


@dataclass(frozen=True, slots=True)
class Row:
    """One rule at one endpoint."""

    endpoint: str
    rule: str
    test: str


def made(outcomes: Outcomes) -> str:
    """The whole document.

    Args:
        outcomes: What the tests gave; one that is not in it counts as passed.
    """
    known = list(rows())
    doors = {door.tag: door for _, door in FACADES}
    parts = [HEAD, _summary(known, doors, outcomes)]
    for tag, door in doors.items():
        bases = " and ".join(f"`{base}`" for base, one in FACADES if one is door)
        mine = [row for name, row in known if name == tag]
        parts.append(f"\n## {tag}\n\nServed at {bases}.\n\n{_table(door, mine, outcomes)}")
    shared = [row for name, row in known if name == COMMON]
    parts.append(f"\n## {COMMON}\n\n{_lines(shared, outcomes)}")
    return "\n".join(parts)


def endpoints(door: Door) -> dict[str, Registered]:
    """``METHOD /path`` -> route; a path with a slash at its end is the one without."""
    return {f"{one.method} {one.path.rstrip('/')}": one for one in door.routes}


def rows() -> Iterator[tuple[str, Row]]:
    """(dialect, row) of every rule, in the order of the tests."""
    doors = {door.tag: door for _, door in FACADES}
    named = {tag.lower().removesuffix("ai"): tag for tag in doors}
    for file in sorted(HERE.glob("test_*.py")):
        module = importlib.import_module(f"tests.api.facades.{file.stem}")
        own = named.get(file.stem.split("_")[1], COMMON)
        for name, test in vars(module).items():
            if not name.startswith("test_"):
                continue
            for held in rules_of(test):
                tag = held.dialect or own
                for endpoint in _checked(held, doors.get(tag)):
                    yield tag, Row(endpoint, held.rule, f"{file.stem}.{name}")


def _checked(held: Held, door: Door | None) -> tuple[str, ...]:
    unknown = set(held.endpoints) - set(endpoints(door) if door else ())
    if unknown:
        raise ValueError(f"there is no endpoint {unknown} for “{held.rule}”")
    return held.endpoints or ("every endpoint",)


def _summary(known: list[tuple[str, Row]], doors: dict[str, Door], outcomes: Outcomes) -> str:
    lines = ["| dialect | endpoints | rules | pass |", "|---|---|---|---|"]
    for tag in (*doors, COMMON):
        mine = [row for name, row in known if name == tag]
        passing = sum(_result(row, outcomes) == "passes" for row in mine)
        share = f"{100 * passing // max(1, len(mine))} %"
        served = str(len(endpoints(doors[tag]))) if tag in doors else "all"
        lines.append(f"| {tag} | {served} | {len(mine)} | {share} |")
    return "\n".join(lines) + "\n"


def _table(door: Door, rows: list[Row], outcomes: Outcomes) -> str:
    parts = []
    for name, route in endpoints(door).items():
        words = (route.handler.__doc__ or "").strip().splitlines()[0].replace("``", "`")
        mine = [row for row in rows if row.endpoint == name]
        parts.append(
            f"### `{name}`\n\n{words} Answers {route.rule.status}.\n\n{_lines(mine, outcomes)}"
        )
    rest = [row for row in rows if row.endpoint == "every endpoint"]
    if rest:
        parts.append(f"### Every endpoint\n\n{_lines(rest, outcomes)}")
    return "\n".join(parts)


def _lines(rows: list[Row], outcomes: Outcomes) -> str:
    lines = ["| rule | test | result |", "|---|---|---|"]
    lines += [
        f"| {row.rule} | {row.test.split('.')[1].removeprefix('test_').replace('_', ' ')} "
        f"| {_result(row, outcomes)} |"
        for row in rows
    ]
    return "\n".join(lines) + "\n"


def _result(row: Row, outcomes: Outcomes) -> str:
    return {"passed": "passes", "failed": "FAILS", "skipped": "was not run"}[
        outcomes.get(row.test, "passed")
    ]


class Recorder:
    """Notes the outcome of every test of the dialects."""

    def __init__(self) -> None:
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the worst of what a test with several parameters gave."""
        path, _, name = report.nodeid.partition("::")
        if Path(path).parent.name != HERE.name or (
            report.when != "call" and report.outcome == "passed"
        ):
            return
        key = f"{Path(path).stem}.{name.partition('[')[0]}"
        ranks = ("passed", "skipped", "failed")
        known = self.outcomes.get(key, "passed")
        self.outcomes[key] = max(known, report.outcome, key=ranks.index)


def main() -> int:
    """Run the tests of the dialects and write the document; 0 when every rule holds."""
    recorder = Recorder()
    late = "ignore:Module already imported so cannot be rewritten"
    options = ["-q", "--deselect", "tests/api/facades/test_table.py", "-W", late]
    pytest.main([str(HERE), *options], plugins=[recorder])
    DOC.write_text(made(recorder.outcomes), encoding="utf-8")
    wrong = {key: how for key, how in recorder.outcomes.items() if how != "passed"}
    return print(wrong, file=sys.stderr) or 1 if wrong else 0  # noqa: T201  the terminal reads


if __name__ == "__main__":
    raise SystemExit(main())
