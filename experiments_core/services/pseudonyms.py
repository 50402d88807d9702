"""How a project keeps unit ids: as they are, or as pseudonyms."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from experiments_core.domain.experiment import Experiment
from experiments_core.domain.project import DEFAULT_PROJECT, Project
from experiments_core.domain.pseudonym import pseudonym, unit_key
from experiments_core.errors import ConflictError
from experiments_core.services.workspace import Workspace
from experiments_core.store import catalog, units_stored
from experiments_core.store import projects as rows

HINT = (
    "Make a project that keeps them in the other way before its first unit comes, and begin "
    "the next test there."
)


def stand_in(ws: Workspace, org_id: str, unit: str) -> str:
    """The pseudonym of a unit id, whatever its project does; the audit trail names units so."""
    return pseudonym(unit_key(ws.db.secret, org_id), unit)


def is_pseudonymised(cursor: Any, org_id: str, project: str = DEFAULT_PROJECT) -> bool:
    """Whether a project keeps unit ids as pseudonyms; one that nobody has changed does not."""
    return any(
        one.settings.pseudonymise_units
        for one in rows.projects(cursor, org_id)
        if one.key.lower() == project.lower()
    )


def import_key(ws: Workspace, cursor: Any, org_id: str, project: str | None) -> bytes | None:
    """The key under which the units of a file are hashed; None where they stay as they are.

    Args:
        ws: The workspace.
        cursor: To read with.
        org_id: Of the organisation.
        project: Of the experiment that the file is for; None for the default one, in which
            experiments are that are born from files.
    """
    if is_pseudonymised(cursor, org_id, project or DEFAULT_PROJECT):
        return unit_key(ws.db.secret, org_id)
    return None


def kept_units(
    ws: Workspace, cursor: Any, experiment: Experiment, units: Iterable[str]
) -> dict[str, str]:
    """Unit id -> the text under which the experiment's project keeps it."""
    if not is_pseudonymised(cursor, experiment.org_id, experiment.project):
        return {unit: unit for unit in units}
    key = unit_key(ws.db.secret, experiment.org_id)
    return {unit: pseudonym(key, unit) for unit in units}


def way_of_all(cursor: Any, org_id: str) -> bool | None:
    """Whether every project of an organisation keeps pseudonyms, or none; None if mixed."""
    found = {one.key: one.settings.pseudonymise_units for one in rows.projects(cursor, org_id)}
    ways = set(({DEFAULT_PROJECT: False} | found).values())
    return ways.pop() if len(ways) == 1 else None


def check_may_change(cursor: Any, before: Project | None, after: Project) -> None:
    """Refuse another way of keeping ids once units are there: they would not be found again.

    Args:
        cursor: Of the transaction that changes the project.
        before: As it was; None for a new one.
        after: As it will be.

    Raises:
        ConflictError: ``UNITS_STORED``.
    """
    way = after.settings.pseudonymise_units
    if before is not None:
        if way == before.settings.pseudonymise_units:
            return
        experiments = [
            one.id
            for one in catalog.all_experiments(cursor, after.org_id)
            if one.project.lower() == after.key.lower()
        ]
        if units_stored.has_units(cursor, experiments):
            raise ConflictError(
                f"“{after.name}” has units already, and their ids are kept "
                f"{_words(pseudonyms=not way)}.",
                code="UNITS_STORED",
                hint=HINT,
            )
        units_stored.drop_read_drafts(cursor, after.org_id)
    stays = way_of_all(cursor, after.org_id)
    if stays != way and units_stored.has_shared_events(cursor, after.org_id):
        raise ConflictError(
            "Events that name no experiment are there already; they would not be found by "
            f"projects that keep ids {_words(pseudonyms=way)}.",
            code="UNITS_STORED",
            hint="Such events need all projects of the organisation to keep ids in one way.",
        )


def check_may_move(cursor: Any, before: Experiment, after: Experiment) -> None:
    """Refuse to take units into a project that keeps ids in another way.

    Raises:
        ConflictError: ``UNITS_STORED``.
    """
    ways = [is_pseudonymised(cursor, one.org_id, one.project) for one in (before, after)]
    if ways[0] != ways[1] and units_stored.has_units(cursor, [before.id]):
        raise ConflictError(
            f"This experiment has units already, and their ids are kept "
            f"{_words(pseudonyms=ways[0])}; “{after.project}” keeps them "
            f"{_words(pseudonyms=ways[1])}.",
            code="UNITS_STORED",
            hint="Leave it where it is, or make the experiment anew there.",
        )


def _words(*, pseudonyms: bool) -> str:
    return "as pseudonyms" if pseudonyms else "as they came"
