"""Answers given for a file fill in the proposal for the next one with the same header."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from experiments_core.domain.source import ColumnMapping, Mapping, Role
from experiments_core.domain.source_document import mapping_from_document, mapping_to_document
from experiments_core.store import imports
from experiments_core.tabular.detection import Detection, Notice
from experiments_core.tabular.spellings import spellings
from experiments_core.tabular.text import fold


def remember(cursor: Any, org_id: str, mapping: Mapping, now: datetime) -> None:
    """Keep a confirmed mapping for the next file with these columns."""
    document = mapping_to_document(replace(mapping, finished=None, split={}))
    imports.keep_source(cursor, org_id, _header_hash(_names(mapping)), document, now)


def recall(
    cursor: Any, org_id: str, proposal: Mapping, experiment_id: str | None
) -> Mapping | None:
    """The mapping of the experiment's own data, or else of the last file with this header."""
    dataset = imports.dataset_of(cursor, experiment_id) if experiment_id else None
    document = dataset.mapping if dataset else None
    if document is None or _names(mapping_from_document(document)) != _names(proposal):
        document = imports.find_source(cursor, org_id, _header_hash(_names(proposal)))
    return mapping_from_document(document) if document else None


def fill_in(seen: Detection, known: Mapping | None) -> Detection:
    """Put the remembered answers into a proposal; what the file itself says stays."""
    proposal = seen.proposal
    if known is None or known.shape is not proposal.shape:
        return seen
    columns = tuple(
        _column(column, before)
        for column, before in zip(proposal.columns, known.columns, strict=True)
    )
    filled = replace(
        proposal,
        columns=columns,
        control=proposal.control or _control(seen, known),
        merge_variants=known.merge_variants,
        crossovers=known.crossovers,
        repeats=known.repeats,
        conversion_events=known.conversion_events,
        exposure_event=proposal.exposure_event or known.exposure_event,
        window=known.window,
        readings=known.readings,
        contradictions=known.contradictions,
    )
    notice = Notice(
        "SOURCE_REMEMBERED",
        "The answers for the last file with these columns were filled in; look them over.",
    )
    return replace(seen, proposal=filled, notices=(*seen.notices, notice))


def _column(column: ColumnMapping, before: ColumnMapping) -> ColumnMapping:
    return replace(
        column,
        role=before.role,
        blank=before.blank,
        converted=before.converted,
        zone=before.zone,
        rate=column.rate or before.rate,
        repeats=before.repeats,
        time_format=column.time_format or before.time_format,
        decimal=column.decimal or before.decimal,
        thousands=column.thousands if column.decimal else before.thousands,
        reason=column.reason if column.role is before.role else "as last time",
    )


def _control(seen: Detection, known: Mapping) -> str:
    """The control of last time, if this file has such an arm."""
    variant = known.named(Role.VARIANT)
    arms = spellings(seen.rows, variant[0].position) if variant else {}
    return next((arm for arm in arms if fold(arm) == fold(known.control)), "")


def _names(mapping: Mapping) -> tuple[str, ...]:
    return tuple(column.name for column in mapping.columns)


def _header_hash(names: Sequence[str]) -> str:
    return hashlib.sha256(json.dumps(list(names), ensure_ascii=False).encode()).hexdigest()
