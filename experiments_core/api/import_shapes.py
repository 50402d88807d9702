"""Imports as bodies: what is sent, what is answered."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from pydantic import Field

from experiments_core.api.shapes import Answer, Body, moment
from experiments_core.services.ingestion import Draft, ImportRecord, ImportReport, Question


class FromInbox(Body):
    """Files of the inbox that belong together."""

    inbox: Annotated[str, Field(min_length=1, max_length=255)]
    more: Annotated[list[str], Field(max_length=20)] | None = None
    experiment: Annotated[str, Field(max_length=200)] | None = None


ColumnRule = Literal["sum", "mean", "max", "min", "first", "last", "count", "rows"]


class MappingChoices(Body):
    """Columns by name; what is left out stays as it was proposed."""

    variant: str | None = None
    unit: str | None = None
    time: str | None = None
    outcomes: list[str] | None = None
    values: list[str] | None = None
    segments: list[str] | None = None
    covariates: list[str] | None = None
    conversions: list[str] | None = None
    rates: list[str] | None = None
    visitors: str | None = None
    event: str | None = None
    conversion_events: list[str] | None = None
    exposure_event: str | None = None
    window: str | None = None
    shape: Literal["unit", "events", "totals", "moments", "counts"] | None = None
    zone: str | None = None
    experiment_column: str | None = None
    experiment: str | None = None
    experiments: list[str] | None = None
    control: str | None = None
    merge_variants: dict[str, str] | None = None
    split: dict[str, float] | None = None
    finished: bool | None = None
    blank: Literal["exclude", "zero"] | None = None
    repeats: Literal["refuse", "first", "last", "max", "sum", "mean"] | None = None
    repeats_of: dict[str, ColumnRule] | None = None
    crossovers: Literal["exclude", "first_seen", "refuse"] | None = None
    answers: dict[str, str] | None = None
    accept_defaults: bool | None = None


class Commit(Body):
    """All rows or the good ones; into the experiment named before, or a new one."""

    mode: Literal["all", "good_rows"] = "all"
    existing: Literal["add", "replace"] = "add"
    new_name: Annotated[str, Field(min_length=1, max_length=200)] | None = None
    less_is_better: Annotated[list[str], Field(max_length=200)] | None = None


class QuestionAnswer(Answer):
    """Something that has to be said before the rows can be data."""

    code: str
    field: str
    text: str
    default: str
    choices: list[dict[str, str]]


class DraftAnswer(Answer):
    """What a file looks like."""

    id: str
    file_name: str
    bytes: int
    sha256: str
    state: str
    shape: str
    seen: str
    columns: list[dict[str, Any]]
    questions: list[QuestionAnswer]
    already_imported: str | None


class ReportAnswer(Answer):
    """What was read: rows read = used + left out."""

    questions: list[QuestionAnswer]


class ImportAnswer(Answer):
    """One import."""

    id: str
    file_name: str
    state: str
    by: str
    created_at: str
    committed_at: str | None
    undone_at: str | None
    experiment_id: str | None
    rows_read: int | None
    rows_used: int | None
    rows_left_out: int | None
    report: dict[str, Any]


class CommitAnswer(ImportAnswer):
    """The import that was committed, and all of them where a file held several experiments."""

    imports: list[ImportAnswer]


def draft_body(draft: Draft) -> dict[str, Any]:
    """Render what a file looks like."""
    seen = draft.detection
    return {
        "id": draft.import_id,
        "file_name": draft.file_name,
        "bytes": draft.bytes,
        "sha256": draft.sha256,
        "state": "draft",
        "shape": seen.proposal.shape.value,
        "seen": seen.seen,
        "columns": [
            {
                "name": column.name,
                "role": mapped.role.value,
                "kind": str(column.kind),
                "examples": list(column.examples),
                "filled": column.filled,
                "blanks": column.blanks,
                "distinct": column.distinct,
            }
            for column, mapped in zip(seen.columns, seen.proposal.columns, strict=True)
        ],
        "questions": [_question_body(question) for question in draft.questions],
        "already_imported": None
        if draft.already_imported is None
        else draft.already_imported.id,
    }


def _question_body(question: Question) -> dict[str, Any]:
    return {
        "code": question.code,
        "field": question.field,
        "text": question.text,
        "default": question.default,
        "choices": [{"value": one.value, "label": one.label} for one in question.choices],
    }


def report_body(report: ImportReport) -> dict[str, Any]:
    """Render what was read, and what is still asked."""
    return {
        **report.to_document(),
        "questions": [_question_body(question) for question in report.questions],
    }


def import_body(record: ImportRecord) -> dict[str, Any]:
    """Render one import."""
    return asdict(record) | {
        name: moment(getattr(record, name))
        for name in ("created_at", "committed_at", "undone_at")
    }
