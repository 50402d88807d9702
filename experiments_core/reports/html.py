"""One reading as one HTML file that needs no server, no script and no network.

The caller brings words and numbers; this module lays them out and draws the intervals. Every
text is escaped here, and the page forbids itself to load anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from experiments_core.reports.html_style import STYLE

PANEL_WIDTH = 240
PANEL_HEIGHT = 30
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


@dataclass(frozen=True, slots=True)
class Axis:
    """The one axis of all intervals: its ends and its ticks with their words."""

    low: float
    high: float
    ticks: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Bar:
    """One interval on the axis.

    Attributes:
        point: The estimate.
        low: Lower end; None where the interval is open.
        high: Upper end; None where the interval is open.
        filled: Decided; a hollow point is undecided.
        limit: Where a guardrail's harm begins, if it has a limit.
        harm: On which side of the limit it lies: 1 above, -1 below.
    """

    point: float
    low: float | None
    high: float | None
    filled: bool
    limit: float | None = None
    harm: int = 1


@dataclass(frozen=True, slots=True)
class Line:
    """One treatment of one metric. ``tone`` names a colour of the palette."""

    metric: str
    about: str
    variant: str
    control: tuple[str, str]
    treatment: tuple[str, str]
    difference: tuple[str, str]
    lift: tuple[str, str]
    verdict: tuple[str, str]  # mark and word, then the p-value
    tone: str
    bar: Bar | None
    sentence: str = ""  # instead of a bar


@dataclass(frozen=True, slots=True)
class Section:
    """Primary, guardrail or secondary metrics, with the rule they are under."""

    title: str
    rule: str
    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One health check."""

    mark: str
    label: str
    short: str
    message: str
    tone: str


@dataclass(frozen=True, slots=True)
class Table:
    """Numbers behind the page: a title, a header, rows of text."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Report:
    """Everything on the page, in the order it is read."""

    title: str
    subtitle: str
    badge: tuple[str, str, str]  # mark, word, tone
    verdict: str
    reasons: tuple[str, ...]
    recommendation: str
    checks: tuple[CheckLine, ...]
    progress: tuple[tuple[str, str], ...]
    axis: Axis | None
    sections: tuple[Section, ...]
    tables: tuple[Table, ...]
    code: str
    facts: tuple[tuple[str, str], ...]
    light: Mapping[str, str]
    dark: Mapping[str, str]


def render(report: Report) -> bytes:
    """The page as UTF-8."""
    blocks = (
        _head(report),
        _checks(report.checks),
        _pairs("Progress to plan", report.progress),
        _scorecard(report),
        "".join(_table(table) for table in report.tables),
        _code(report.code),
        _pairs("How these numbers were made", report.facts),
    )
    page = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(report.title)}</title>"
        f"<style>{_palettes(report.light, report.dark)}{STYLE}</style></head>"
        f"<body><main>{''.join(blocks)}</main></body></html>\n"
    )
    return page.encode()


def _palettes(light: Mapping[str, str], dark: Mapping[str, str]) -> str:
    def variables(palette: Mapping[str, str]) -> str:
        return "".join(
            f"--{name.replace('_', '-')}:{value};" for name, value in palette.items()
        )

    return (
        f":root{{{variables(light)}}}"
        f"@media screen and (prefers-color-scheme: dark){{:root{{{variables(dark)}}}}}"
    )


def _head(report: Report) -> str:
    mark, word, tone = report.badge
    reasons = "".join(f"<p>{escape(reason)}</p>" for reason in report.reasons)
    advice = f"<p><b>{escape(report.recommendation)}</b></p>" if report.recommendation else ""
    return (
        f"<header><p class=kicker>{escape(report.title)} · {escape(report.subtitle)}</p>"
        f'<p><span class="badge {tone}">{escape(mark)} {escape(word)}</span></p>'
        f"<h1>{escape(report.verdict)}</h1>{reasons}{advice}</header>"
    )


def _checks(checks: Sequence[CheckLine]) -> str:
    if not checks:
        return ""
    items = "".join(
        f'<li><span class="mark {check.tone}">{escape(check.mark)}</span> '
        f"<b>{escape(check.label)}</b> {escape(check.short)}"
        f"{_message(check.message)}</li>"
        for check in checks
    )
    return f"<section><h2>Can you trust it?</h2><ul class=checks>{items}</ul></section>"


def _message(message: str) -> str:
    return f"<br><small>{escape(message)}</small>" if message else ""


def _pairs(title: str, pairs: Sequence[tuple[str, str]]) -> str:
    if not pairs:
        return ""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{escape(text)}</dd>" for name, text in pairs)
    return f"<section><h2>{escape(title)}</h2><dl>{items}</dl></section>"


def _scorecard(report: Report) -> str:
    if not report.sections:
        return ""
    head = "".join(
        f"<th{kind}>{name}</th>"
        for name, kind in (
            ("Metric", ""), ("Control", " class=number"), ("Treatment", " class=number"),
            ("Difference", " class=number"), (_axis(report.axis), " class=panel"),
            ("Lift", " class=number"), ("Verdict", ""),
        )
    )  # fmt: skip
    body = "".join(_section(section, report.axis) for section in report.sections)
    return (
        f'<section><h2>Scorecard</h2><div class="wide"><table class=scorecard>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _section(section: Section, axis: Axis | None) -> str:
    rule = f" <small>{escape(section.rule)}</small>" if section.rule else ""
    lines = "".join(_line(line, axis) for line in section.lines)
    return f"<tr class=group><th colspan=7>{escape(section.title)}{rule}</th></tr>{lines}"


def _line(line: Line, axis: Axis | None) -> str:
    panel = escape(line.sentence)
    if line.bar is not None and axis is not None:
        panel = _drawn(line.bar, line.tone, axis, f"{line.lift[0]} ({line.lift[1]})")
    variant = f" · {escape(line.variant)}" if line.variant else ""
    return (
        f"<tr><td><b>{escape(line.metric)}</b>{variant}<br><small>{escape(line.about)}</small>"
        f"</td>{_two(line.control)}{_two(line.treatment)}{_two(line.difference)}"
        f"<td class=panel>{panel}</td>{_two(line.lift, strong=True)}"
        f'<td class="verdict {line.tone}">{escape(line.verdict[0])}<br>'
        f"<small>{escape(line.verdict[1])}</small></td></tr>"
    )


def _two(texts: tuple[str, str], *, strong: bool = False) -> str:
    first = f"<b>{escape(texts[0])}</b>" if strong else escape(texts[0])
    return f"<td class=number>{first}<br><small>{escape(texts[1])}</small></td>"


def _axis(axis: Axis | None) -> str:
    if axis is None:
        return ""
    words = "".join(
        f'<text x="{_x(place, axis):.1f}" y="14">{escape(text)}</text>'
        for place, text in axis.ticks
    )
    return f'<svg viewBox="0 0 {PANEL_WIDTH} 20" aria-hidden="true">{words}</svg>'


def _drawn(bar: Bar, tone: str, axis: Axis, told: str) -> str:
    """Grid, limit, interval and point; an end beyond the axis becomes a triangle."""
    middle = PANEL_HEIGHT / 2
    low = axis.low if bar.low is None else max(bar.low, axis.low)
    high = axis.high if bar.high is None else min(bar.high, axis.high)
    parts = [] if bar.limit is None else _limit(bar.limit, bar.harm, axis)
    for place, _ in axis.ticks:
        parts.append(_upright(place, axis, "zero" if abs(place) < 1e-12 else "grid"))
    state = "decided" if bar.filled else "open"
    if low < high:
        parts.append(
            f'<line class="span {state}" x1="{_x(low, axis):.1f}" x2="{_x(high, axis):.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
    if bar.low is None or bar.low < axis.low:
        parts.append(_triangle(_x(axis.low, axis), -6))
    if bar.high is None or bar.high > axis.high:
        parts.append(_triangle(_x(axis.high, axis), 6))
    if axis.low <= bar.point <= axis.high:
        parts.append(
            f'<circle class="{state}" cx="{_x(bar.point, axis):.1f}" cy="{middle}" r="5"/>'
        )
    return (
        f'<svg class="{tone}" viewBox="0 0 {PANEL_WIDTH} {PANEL_HEIGHT}" role="img" '
        f'aria-label="{escape(told)}">{"".join(parts)}</svg>'
    )


def _limit(limit: float, harm: int, axis: Axis) -> list[str]:
    """The harm's side in a tint, and the line where it begins."""
    start, end = (
        (max(limit, axis.low), axis.high) if harm > 0 else (axis.low, min(limit, axis.high))
    )
    if start >= end:
        return []
    x, width = _x(start, axis), _x(end, axis) - _x(start, axis)
    tint = f'<rect x="{x:.1f}" width="{width:.1f}" y="0" height="{PANEL_HEIGHT}"/>'
    return [tint, _upright(limit, axis, "limit")] if axis.low <= limit <= axis.high else [tint]


def _upright(place: float, axis: Axis, kind: str) -> str:
    x = _x(place, axis)
    return f'<line class="{kind}" x1="{x:.1f}" x2="{x:.1f}" y1="0" y2="{PANEL_HEIGHT}"/>'


def _triangle(x: float, reach: int) -> str:
    middle = PANEL_HEIGHT / 2
    tip, base = x, x - reach
    return (
        f'<path class="end" d="M{tip:.1f} {middle} L{base:.1f} {middle - 4} '
        f'L{base:.1f} {middle + 4} Z"/>'
    )


def _x(place: float, axis: Axis) -> float:
    margin = 12
    share = (place - axis.low) / (axis.high - axis.low)
    return margin + share * (PANEL_WIDTH - 2 * margin)


def _table(table: Table) -> str:
    if not table.rows:
        return ""
    head = "".join(f"<th>{escape(name)}</th>" for name in table.columns)
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in table.rows)
    return (
        f'<section><h2>{escape(table.title)}</h2><div class="wide"><table class=plain>'
        f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div></section>"
    )


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td>{escape(text)}</td>" for text in row)


def _code(code: str) -> str:
    if not code:
        return ""
    return f"<section><h2>The query</h2><pre>{escape(code)}</pre></section>"
