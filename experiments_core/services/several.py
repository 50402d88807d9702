"""A file that holds several experiments: each becomes one of its own, or none does."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.source import Mapping, Role
from experiments_core.errors import ConflictError, InvalidInputError, Problem
from experiments_core.services.committing import commit_as_new
from experiments_core.services.drafts import discard
from experiments_core.services.import_check import check
from experiments_core.services.import_records import ImportRecord, find_draft, stored_file
from experiments_core.services.workspace import Workspace
from experiments_core.store import imports
from experiments_core.store.watch import Cancelled, Progress
from experiments_core.tabular.text import fold, listed, shorten, visible

MOST_EXPERIMENTS = 200
EACH = "*"


def experiments_in(ws: Workspace, actor: Actor, import_id: str, mapping: Mapping) -> list[str]:
    """Every experiment that a draft's experiment column names, in the order of the file.

    Raises:
        InvalidInputError: no column tells experiments apart, or it names far too many.
    """
    require(actor, Permission.IMPORT)
    row = find_draft(ws, actor, import_id)
    column = mapping.first(Role.EXPERIMENT)
    if column is None:
        raise InvalidInputError(
            "No column tells experiments apart.",
            details=(Problem("experiment", None, "REQUIRED", "an experiment column"),),
        )
    found: dict[str, str] = {}
    dialect = mapping.dialect
    csv.field_size_limit(10_000_000)
    with stored_file(ws, row.id).open(encoding="utf-8", newline="") as file:
        for _ in range(max(0, dialect.header_line)):
            file.readline()
        for cells in csv.reader(file, delimiter=dialect.delimiter, skipinitialspace=True):
            name = visible(cells[column.position]) if len(cells) > column.position else ""
            if name:
                found.setdefault(fold(name), name)
            if len(found) > MOST_EXPERIMENTS:
                raise InvalidInputError(
                    f"Column “{column.name}” names more than {MOST_EXPERIMENTS} experiments.",
                    code="TOO_MANY_EXPERIMENTS",
                    hint="Choose the ones to read, or another column.",
                    details=(Problem(column.name, len(found), "TOO_MANY", "experiments"),),
                )
    return list(found.values())


def commit_each(
    ws: Workspace,
    actor: Actor,
    import_id: str,
    mapping: Mapping,
    *,
    name: str,
    less_is_better: Sequence[str] | None = None,
    mode: str = "all",
    progress: Progress | None = None,
    cancelled: Cancelled | None = None,
) -> list[ImportRecord]:
    """Make an experiment of each one in the file and bring its rows, all in one transaction.

    Args:
        ws: The workspace.
        actor: Who commits.
        import_id: A draft; it is thrown away afterwards, for each experiment has its own.
        mapping: Names the experiment column, and which experiments (all when it does not say).
        name: What the new names begin with.
        less_is_better: Measures of which a decrease is good; None goes by their names.
        mode: As in :func:`commit`.
        progress: Told a fraction and what is being done.
        cancelled: Asked now and then.

    Raises:
        InvalidInputError: an experiment cannot be read; the message names it.
        ConflictError: a question is open in one, or rows are at fault.
    """
    wanted = _wanted(experiments_in(ws, actor, import_id, mapping), mapping.experiments)
    drafts: list[tuple[str, str, Mapping]] = []
    try:
        for number, one in enumerate(wanted):
            if progress is not None:
                progress(0.8 * number / len(wanted), f"Reading {shorten(one)}")
            drafts.append(_read(ws, actor, import_id, replace(mapping, experiment=one)))
            if cancelled is not None and cancelled():
                _throw_away(ws, actor, drafts)
                return []
        with ws.db.write():
            done = [
                _commit(ws, actor, one, name, less_is_better=less_is_better, mode=mode)
                for one in drafts
            ]
    except BaseException:
        _throw_away(ws, actor, drafts)
        raise
    discard(ws, actor, import_id)
    return done


def _wanted(known: Sequence[str], only: Sequence[str]) -> list[str]:
    missing = [one for one in only if fold(one) not in {fold(other) for other in known}]
    if missing:
        raise InvalidInputError(
            f"The file has no experiment {listed(missing)}; it has {listed(list(known), 20)}.",
            details=(Problem("experiment", missing[0], "NOT_FOUND", "one of the file's"),),
        )
    return [one for one in known if not only or fold(one) in {fold(other) for other in only}]


def _commit(
    ws: Workspace, actor: Actor, one: tuple[str, str, Mapping], name: str, **told: Any
) -> ImportRecord:
    draft, experiment, mapping = one
    try:
        return commit_as_new(
            ws, actor, draft, mapping, name=f"{name} {experiment}"[:200], **told
        )
    except ConflictError as error:
        raise ConflictError(
            f"Experiment “{shorten(experiment)}”: {error.message}",
            code=error.code,
            hint=error.hint,
            details=error.details,
        ) from error


def _read(
    ws: Workspace, actor: Actor, import_id: str, mapping: Mapping
) -> tuple[str, str, Mapping]:
    """Read the rows of one experiment as a draft of its own."""
    row = find_draft(ws, actor, import_id)
    own = replace(row, id=ws.new_id(), created_at=ws.now(), mapping=None, experiment_id=None)
    os.link(stored_file(ws, row.id), stored_file(ws, own.id))
    with ws.db.write() as cursor:
        imports.insert_import(cursor, own)
    try:
        report = check(ws, actor, own.id, mapping)
    except InvalidInputError as error:
        discard(ws, actor, own.id)
        raise InvalidInputError(
            f"Experiment “{shorten(mapping.experiment)}”: {error.message}",
            code=error.code,
            hint=error.hint or "Choose the experiments to read.",
            details=error.details,
        ) from error
    if report.questions:
        discard(ws, actor, own.id)
        raise ConflictError(
            f"Experiment “{shorten(mapping.experiment)}”: {report.questions[0].text}",
            code="QUESTIONS_OPEN",
            hint="Read it on its own; nothing was stored.",
        )
    return own.id, mapping.experiment, mapping


def _throw_away(
    ws: Workspace, actor: Actor, drafts: Sequence[tuple[str, str, Mapping]]
) -> None:
    for draft, *_ in drafts:
        discard(ws, actor, draft)
