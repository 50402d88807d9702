"""What an import tells a person: rows read, used and left out, by rule, and what to know."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from experiments_core.services.reconciliation import Reconciliation
from experiments_core.store.staged import Broken, Effect, Example
from experiments_core.tabular.answers import Question
from experiments_core.tabular.rejects import RULES, Reject, summary, words
from experiments_core.tabular.text import lines_text, listed


@dataclass(frozen=True, slots=True)
class RuleCount:
    """Rows that one rule keeps out.

    Attributes:
        rule: Code.
        rows: How many.
        lines: Physical lines of the first ones; the header is line 1.
        message: In words, with the first case.
        blocking: A person has to choose to leave them out.
    """

    rule: str
    rows: int
    lines: tuple[int, ...]
    message: str
    blocking: bool


@dataclass(frozen=True, slots=True)
class Remark:
    """Something to know that keeps no row out.

    Attributes:
        code: Stable code (``VARIANT_MERGED`` …).
        message: One or two sentences.
        lines: Physical lines of the first cases, where known.
        rows: Rows (or units) that show it, 0 where it is about the file or a whole column.
        column: Header of the column that it is about.
        examples: The first 100 rows that show it.
    """

    code: str
    message: str
    lines: tuple[int, ...] = ()
    rows: int = 0
    column: str = ""
    examples: tuple[Example, ...] = ()


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What reading every row has shown. ``rows_read = rows_used + rows_left_out``, always.

    Attributes:
        units: Units that will be analysed (rows used, unless several rows were made one).
        arms: Units per variant; visitors per variant in a file of totals.
        by_rule: Rows left out, by rule.
        warnings: What else to know.
        preview: Column names, and the first rows as typed values.
        rejects_total: Rows left out.
        first_rejects: The first 100 of them.
        questions: What is still open; nothing can be committed before they are answered.
        crossed_units: Units seen in two variants.
        effects: What the first measure would be under each choice that is still free.
        difference: To the data that the experiment has; None when it has none.
        measures: Names of what becomes a metric of a new experiment.
    """

    rows_read: int
    rows_used: int
    rows_left_out: int
    units: int
    arms: dict[str, int]
    by_rule: tuple[RuleCount, ...] = ()
    warnings: tuple[Remark, ...] = ()
    preview: tuple[tuple[str, ...], tuple[tuple[Any, ...], ...]] = ((), ())
    rejects_total: int = 0
    first_rejects: tuple[Reject, ...] = ()
    questions: tuple[Question, ...] = ()
    crossed_units: int = 0
    effects: tuple[Effect, ...] = ()
    difference: Reconciliation | None = None
    measures: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.rows_read != self.rows_used + self.rows_left_out:
            raise RuntimeError(
                f"{self.rows_read} rows read, but {self.rows_used} used and "
                f"{self.rows_left_out} left out"
            )

    @property
    def blocking(self) -> tuple[RuleCount, ...]:
        """Rules that a person has to decide on."""
        return tuple(rule for rule in self.by_rule if rule.blocking)

    def to_document(self) -> dict[str, Any]:
        """Write what the workspace keeps of the report; typed rows are not in it."""
        return {
            "rows_read": self.rows_read,
            "rows_used": self.rows_used,
            "rows_left_out": self.rows_left_out,
            "units": self.units,
            "arms": self.arms,
            "crossed_units": self.crossed_units,
            "by_rule": [
                {"rule": one.rule, "rows": one.rows, "lines": list(one.lines),
                 "message": one.message, "blocking": one.blocking}
                for one in self.by_rule
            ],
            "warnings": [
                {"code": one.code, "message": one.message, "lines": list(one.lines),
                 "rows": one.rows, "column": one.column,
                 "examples": [[e.line, e.unit, e.value] for e in one.examples]}
                for one in self.warnings
            ],
            "questions": [question.code for question in self.questions],
            "difference": self.difference.to_document() if self.difference else None,
            "measures": list(self.measures),
        }  # fmt: skip


def by_rule(broken: Iterable[Broken]) -> tuple[RuleCount, ...]:
    """Say what each rule keeps out."""
    return tuple(
        RuleCount(one.rule, one.rows, one.lines, _sentence(one), RULES[one.rule].blocking)
        for one in broken
    )


def _sentence(broken: Broken) -> str:
    text = summary(broken.rule, broken.rows)
    value = broken.values[0] if broken.values else ""
    if RULES[broken.rule].blocking and broken.lines:
        column = f", {broken.column}" if broken.column else ""
        reason = words(broken.rule, broken.column, value)
        return f"{text}. Line {broken.lines[0]}{column}: {reason}."
    if broken.rule.startswith("UNIT_") and any(broken.values):
        return f"{text} ({listed(broken.values)}{' …' if broken.rows > 5 else ''})."
    where = f" ({lines_text(broken.lines, broken.rows)})" if broken.lines else ""
    return f"{text}{where}."
