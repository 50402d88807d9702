"""What is stored about some units of one experiment."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from experiments_core.domain.assignment import AssignmentSource, ProjectRules, Stored, first_run
from experiments_core.domain.experiment import Experiment
from experiments_core.services.project_rules import rules_for
from experiments_core.services.pseudonyms import kept_units
from experiments_core.services.workspace import Workspace
from experiments_core.store import assignments, deployments, named_units
from experiments_core.store.assignments import Assignment


@dataclass(frozen=True, slots=True)
class KnownUnits:
    """What is stored about some units of one experiment.

    Attributes:
        kept: Unit id -> the text under which it is stored; the other tables go by that.
    """

    overrides: Mapping[str, str]
    assignments: Mapping[str, Assignment]
    given: Mapping[str, str]
    project: ProjectRules
    kept: Mapping[str, str]

    def override(self, unit: str) -> str | None:
        """The arm that a tester asked for."""
        return self.overrides.get(self.kept[unit])

    def stored(self, unit: str) -> Stored | None:
        """What holds for a unit; a version given by hand goes before its assignment."""
        kept = self.kept[unit]
        if kept in self.given:
            return Stored(self.given[kept], AssignmentSource.DEPLOYED)
        found = self.assignments.get(kept)
        return None if found is None else Stored(found.variant, AssignmentSource(found.source))


def known_units(ws: Workspace, experiment: Experiment, units: Sequence[str]) -> KnownUnits:
    """Read overrides, assignments and versions given by hand, and the rules of the project."""
    with ws.db.read() as cursor:
        given = {
            one.unit_id: one.variant
            for one in deployments.deployments_of(cursor, experiment.org_id, experiment.id)
            if one.unit_id is not None and one.reverted_at is None
        }
        kept = kept_units(ws, cursor, experiment, units)
        return KnownUnits(
            named_units.overrides_of(cursor, experiment.id),
            assignments.assignments_of(
                cursor, experiment.id, list(kept.values()), since_run=first_run(experiment)
            ),
            given,
            rules_for(cursor, experiment),
            kept,
        )
