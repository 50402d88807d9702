"""Outcomes as a Markdown page (page.md, filled in): each figure beside its band."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from string import Template

from tests.calibration import studies
from tests.calibration.bands import Figure
from tests.calibration.comparisons import LEAST_UNIFORM, LEAST_WARNED, Compared, Guarded
from tests.calibration.peeking import GROUP, MUST_EXCEED, NAIVE, SEQUENCE, TUNED_TO_LOOK, Peeked
from tests.calibration.study import Outcome, Study
from tests.calibration.traffic import Batches, Split

Outcomes = Mapping[str, Outcome]
Remark = Callable[[Compared, Outcomes], str]

_TEMPLATE = Path(__file__).with_name("page.md")
_ARMS = ("metric", "control + treatment", "method")
_ERRORS = ("false loss", "false win", "false alarm")
_HELD = ("difference held", "lift held")
_MISSED = (
    "difference below", "difference above", "difference held",
    "lift below", "lift above", "lift held",
)  # fmt: skip
_AT_ALL_LOOKS = tuple(f"{method}: {number}" for method in (GROUP, SEQUENCE)
                      for number in ("difference", "lift"))  # fmt: skip


@dataclass(frozen=True, slots=True)
class Circumstances:
    """When and with what the figures were made."""

    date: str
    versions: str
    command: str
    seed: int
    runs: int
    traffic_runs: int
    minutes: float
    processor_minutes: float


def unexpected(outcomes: Outcomes) -> list[tuple[Study, Figure]]:
    """Figures that left a band they must keep, or kept one they must leave."""
    return [(study, f) for study, f in _judged(outcomes) if not f.is_expected]


def page(outcomes: Outcomes, now: Circumstances) -> str:
    """Fill in the page."""
    text = Template(_TEMPLATE.read_text(encoding="utf-8"))
    judged = len(_judged(outcomes))
    return text.substitute(
        circumstances=_circumstances(now),
        judged=judged,
        by_chance=f"{judged / 1000:.1f}",
        result=_result(outcomes, judged),
        least_uniform=LEAST_UNIFORM,
        least_warned=f"{100 * LEAST_WARNED:.0f} %",
        must_exceed=f"{100 * MUST_EXCEED:.0f} %",
        tuned_to=TUNED_TO_LOOK,
        needless=_needless(outcomes),
        **_tables(outcomes),
    )


def _circumstances(now: Circumstances) -> str:
    took = (
        f"{now.minutes:.0f} minutes in two processes, "
        f"{now.processor_minutes:.0f} minutes of processor time"
    )
    return _table(("", ""), (
        ("date", now.date),
        ("versions", now.versions),
        ("command", f"`{now.command}`"),
        ("seed", str(now.seed)),
        ("runs", f"{now.runs:,} experiments per row, {now.traffic_runs:,} for traffic"),
        ("took", took),
    ))  # fmt: skip


def _result(outcomes: Outcomes, judged: int) -> str:
    compared = [*studies.SOUND_NULL, *studies.SOUND_REAL]
    contradicted = sum(outcomes[s.name].counts["contradiction"] for s in compared)
    comparisons = sum(outcomes[s.name].runs for s in compared)
    wrong = unexpected(outcomes)
    lines = [
        f"{judged - len(wrong)} of {judged} figures are where they must be.",
        "p-value, interval of the difference and interval of the lift contradicted each",
        f"other in {contradicted} of {comparisons:,} comparisons.",
    ]
    listed = [f"- Not where it must be: {s.name}: {f.label} {_cell(f)}" for s, f in wrong]
    return "\n".join([*lines, *(["", *listed] if listed else [])])


def _tables(outcomes: Outcomes) -> dict[str, str]:
    return {
        "sound": _compared(outcomes, studies.SOUND_NULL, (*_ERRORS, *_HELD), "KS p", _uniform),
        "real": _compared(outcomes, studies.SOUND_REAL, _MISSED, "found", _found),
        "failing": _compared(
            outcomes, studies.FAILING, _ERRORS, "false alarms of the right method", _right
        ),
        "strained": _compared(outcomes, studies.STRAINED, _ERRORS, "warning", _warning),
        "on_request": _compared(
            outcomes, studies.ON_REQUEST, _HELD, "disagrees with its test", _disagrees
        ),
        "peeking": _listed(outcomes, studies.PEEKED, (NAIVE, GROUP, SEQUENCE)),
        "peeking_real": _listed(outcomes, studies.PEEKED_REAL, _AT_ALL_LOOKS),
        "guardrails": _listed(outcomes, studies.GUARDRAILS, ("wrongly safe",)),
        "traffic": _table(
            ("split", "check", "alarms"),
            ([s.design, _check(s), *_cells(s, outcomes, ("alarm",), digits=3)]
             for s in studies.TRAFFIC),
        ),
    }  # fmt: skip


def _compared(
    outcomes: Outcomes,
    rows: Sequence[Compared],
    labels: Sequence[str],
    last: str,
    remark: Remark,
) -> str:
    """One row per design and method; ``remark`` fills the column ``last``."""
    cells = (
        [s.metric, s.design, s.method, *_cells(s, outcomes, labels), remark(s, outcomes)]
        for s in rows
    )
    return _table((*_ARMS, *labels, last), cells)


def _listed(outcomes: Outcomes, rows: Sequence[Guarded | Peeked], labels: Sequence[str]) -> str:
    cells = ([s.metric, s.design, *_cells(s, outcomes, labels)] for s in rows)
    return _table(("metric", "design", *labels), cells)


def _uniform(study: Compared, outcomes: Outcomes) -> str:
    if not study.continuous:
        return "–"
    figure = _labelled(study, outcomes)["uniform p-values"]
    return f"{figure.share:.3f}" if figure.is_inside else f"**{figure.share:.1e}**"


def _found(study: Compared, outcomes: Outcomes) -> str:
    return f"{100 * outcomes[study.name].share('found'):.0f} %"


def _right(study: Compared, outcomes: Outcomes) -> str:
    """The figure of the workbench's method on the same simulated data."""
    same = next(s for s in studies.SOUND_NULL if s.world == study.world)
    return _cell(_labelled(same, outcomes)["false alarm"])


def _warning(study: Compared, outcomes: Outcomes) -> str:
    return ", ".join(
        f"`{flag}` {100 * outcomes[study.name].share(flag):.1f} %" for flag in study.marks
    )


def _disagrees(study: Compared, outcomes: Outcomes) -> str:
    return f"{100 * outcomes[study.name].share('contradiction'):.2f} %"


def _needless(outcomes: Outcomes) -> str:
    """Share of warnings in the sound design that has most of them."""
    found = []
    for flag in ("small_counts", "skewed"):
        share, where = max(
            (outcomes[s.name].share(flag), f"{s.metric}, {s.design}")
            for s in studies.SOUND_NULL
        )
        found.append(
            f"`{flag}` in {100 * share:.1f} % at most" + (f" ({where})" if share else "")
        )
    return ", ".join(found)


def _check(study: Split | Batches) -> str:
    if isinstance(study, Split) and len(study.phases) > 1:
        return f"{study.method}, {study.check}"
    return study.method


def _judged(outcomes: Outcomes) -> list[tuple[Study, Figure]]:
    figures = [(s, f) for s in studies.ALL for f in s.figures(outcomes[s.name])]
    return [(s, f) for s, f in figures if f.must_hold is not None]


def _labelled(study: Study, outcomes: Outcomes) -> dict[str, Figure]:
    return {figure.label: figure for figure in study.figures(outcomes[study.name])}


def _cells(
    study: Study, outcomes: Outcomes, labels: Sequence[str], *, digits: int = 2
) -> list[str]:
    figures = _labelled(study, outcomes)
    return [_cell(figures[label], digits) for label in labels]


def _cell(figure: Figure, digits: int = 2) -> str:
    low, high = (f"{100 * end:.{digits}f}" for end in (figure.band.low, figure.band.high))
    share = f"{100 * figure.share:.{digits}f} %"
    return f"{share if figure.is_inside else f'**{share}**'} ({low}–{high})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
