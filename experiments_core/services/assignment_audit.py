"""Who was served something else? Recompute the hash of another system for a list of units."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from experiments_core.domain import audit_hash
from experiments_core.domain.access import Actor, Permission, require
from experiments_core.domain.assignment import first_run
from experiments_core.domain.audit_hash import Fit
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.domain.validation import refuse
from experiments_core.errors import Problem
from experiments_core.services.pseudonyms import kept_units
from experiments_core.services.saving import find
from experiments_core.services.workspace import Workspace
from experiments_core.store import assignments, event_units
from experiments_core.store.assignments import Assignment

MOST_UNITS = 100_000
FIRST_LOOK = 2_000
"""Units on which every hash is tried; the best ones are then tried on all."""
BEST = 5


@dataclass(frozen=True, slots=True)
class Flip:
    """One unit that was served something else.

    Attributes:
        served: The arm on the list.
        expected: The arm that the best fitting hash gives; None where none explains the list,
            and where the hash lets the unit out.
        assigned: The arm that Upshot assigned, or ``holdout``; None where it assigned none.
        why: What explains it, in words; empty where nothing known does.
    """

    unit: str
    served: str
    expected: str | None
    assigned: str | None
    why: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What the list looks like.

    Attributes:
        fits: The best hashes, the best first; each over the whole list.
        known: Units of the list that Upshot has assigned.
        otherwise: (unit, arm on the list, arm that Upshot assigned), of those that differ.
        flips: Everybody of the list whom the best hash, or Upshot, gives another arm.
        sentence: The finding, in words.
    """

    units: int
    fits: tuple[Fit, ...]
    known: int
    otherwise: tuple[tuple[str, str, str], ...]
    flips: tuple[Flip, ...]
    sentence: str


def audit_assignment(
    ws: Workspace,
    actor: Actor,
    reference: str,
    served: Mapping[str, str],
    *,
    seeds: Sequence[str] = (),
    weights_bp: Mapping[str, int] | None = None,
    holdout_bp: int = 0,
    allocation_bp: int = WHOLE_BP,
) -> AuditReport:
    """Find the hash that explains who got what, and the units it does not explain.

    Args:
        ws: The workspace.
        actor: Who asks.
        reference: Id, key or slug of the experiment.
        served: Unit -> key of the arm that it got.
        seeds: What the other system may have put before the unit; key, seed and name of the
            experiment are tried besides.
        weights_bp: Of the other system; those of the experiment when left out.
        holdout_bp: Share that the other system kept back.
        allocation_bp: Share of units that took part there.

    Raises:
        InvalidInputError: an arm that the experiment does not have, or too many units.
    """
    require(actor, Permission.RESULTS)
    with ws.db.read() as cursor:
        experiment = find(cursor, actor, reference)
        kept = kept_units(ws, cursor, experiment, served)
        known = assignments.assignments_of(
            cursor, experiment.id, list(kept.values()), since_run=first_run(experiment)
        )
        hand = dict(event_units.by_hand(cursor, experiment.id))
    stored = {unit: known[name] for unit, name in kept.items() if name in known}
    given = {unit: hand[name] for unit, name in kept.items() if name in hand}
    weights = dict(weights_bp or experiment.weights_bp)
    refuse(_problems(served, weights))
    tried = [*dict.fromkeys([*seeds, experiment.hash_seed, experiment.key, experiment.slug])]
    fits = _best(served, weights, tried, holdout_bp, allocation_bp)
    otherwise = tuple(
        (unit, arm, stored[unit].variant or "holdout")
        for unit, arm in served.items()
        if unit in stored and stored[unit].variant != arm
    )
    sentence = _sentence(fits, len(served))
    flips = tuple(_flips(served, fits[0], experiment, stored, given))
    return AuditReport(len(served), fits, len(stored), otherwise, flips, sentence)


def _flips(
    served: Mapping[str, str],
    best: Fit,
    experiment: Experiment,
    stored: Mapping[str, Assignment],
    given: Mapping[str, str],
) -> Iterator[Flip]:
    """Units that the hash or Upshot gives another arm, with what explains it."""
    expected = {unit: arm for unit, _, arm in best.moved} if best.explains else {}
    weights = {phase.seq: phase.weights_bp for phase in experiment.phases}
    for unit, arm in served.items():
        known = stored.get(unit)
        ours = None if known is None else known.variant or "holdout"
        if unit not in expected and ours in {None, arm}:
            continue
        why = ""
        if given.get(unit) == arm:
            why = "given by hand"
        elif known is not None and ours != arm:
            why = f"Upshot assigned {ours}"
        elif known is not None and weights.get(known.phase) != experiment.weights_bp:
            why = f"assigned in phase {known.phase}, under another split"
        hash_says = expected.get(unit, arm) if best.explains else None
        yield Flip(unit, arm, hash_says, ours, why)


def _best(
    served: Mapping[str, str],
    weights: Mapping[str, int],
    seeds: Sequence[str],
    holdout_bp: int,
    allocation_bp: int,
) -> tuple[Fit, ...]:
    """Fits over the whole list; seeds that fit badly on its beginning are dropped first."""
    part = dict(list(served.items())[:FIRST_LOOK])
    if len(part) == len(served):
        return audit_hash.audit(
            served, weights, seeds, holdout_bp=holdout_bp, allocation_bp=allocation_bp,
            most_moved=MOST_UNITS,
        )[:BEST]  # fmt: skip
    by_seed = {
        seed: audit_hash.audit(
            part, weights, [seed], holdout_bp=holdout_bp, allocation_bp=allocation_bp,
            most_moved=0,
        )[0].agreed
        for seed in seeds
    }  # fmt: skip
    best = max(by_seed, key=lambda seed: by_seed[seed])
    return audit_hash.audit(
        served, weights, [best], holdout_bp=holdout_bp, allocation_bp=allocation_bp,
        most_moved=MOST_UNITS,
    )[:BEST]  # fmt: skip


def _problems(served: Mapping[str, str], weights: Mapping[str, int]) -> list[Problem]:
    problems = []
    if not 1 <= len(served) <= MOST_UNITS:
        message = f"{len(served)} units; the audit takes 1 to {MOST_UNITS}"
        problems.append(Problem("units", len(served), "RANGE", message))
    unknown = sorted({arm for arm in served.values() if arm not in weights})
    if unknown:
        listed = ", ".join(weights)
        message = f"the list has the variant “{unknown[0]}”; the test has {listed}"
        problems.append(Problem("variant", unknown[0], "UNKNOWN_CHOICE", message))
    if sum(weights.values()) != WHOLE_BP:
        message = f"the weights add up to {sum(weights.values())}; they must make {WHOLE_BP}"
        problems.append(Problem("weights_bp", sum(weights.values()), "SPLIT_SUM", message))
    return problems


def _sentence(fits: Sequence[Fit], units: int) -> str:
    best = fits[0]
    share = f"{100 * best.agreement:.2f}".rstrip("0").rstrip(".")
    if not best.explains:
        return (
            f"No hash known here explains this list: the best, {best.method} "
            f"({best.settings}), agrees in {share} %; chance alone gives "
            f"{100 * best.by_chance:.0f} %."
        )
    off = units - best.agreed
    if not off:
        return f"{best.method} ({best.settings}) explains every one of {units} units."
    verb = "was" if off == 1 else "were"
    return (
        f"{best.method} ({best.settings}) explains {share} % of {units} units; {off} {verb} "
        "served something else."
    )
