"""One reading as one HTML file that needs no server, no script and no network.

The caller brings words and numbers; this module lays them out. Every text is escaped, and the
page forbids itself to load anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape

from experiments_core.reports.html_intervals import Axis, Bar, drawn, ticks
from experiments_core.reports.html_style import STYLE

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


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
            ("Difference", " class=number"), (ticks(report.axis), " class=panel"),
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
        panel = drawn(line.bar, line.tone, axis, f"{line.lift[0]} ({line.lift[1]})")
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
