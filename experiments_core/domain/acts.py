"""What each verb does to an experiment: a new value with its phases opened and closed."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from experiments_core.domain.access import Permission
from experiments_core.domain.checklist import blocking
from experiments_core.domain.experiment import CONCLUSIONS, Experiment, Phase
from experiments_core.domain.lifecycle import (
    BIN,
    BIN_DAYS,
    GONE,
    PREVIOUS,
    Status,
    Verb,
    action_names,
    advance,
    allowed_actions,
    invalid_transition,
)
from experiments_core.domain.phases import check_moment, close_phase, next_phase, open_phase
from experiments_core.domain.record import with_its_run
from experiments_core.domain.sealing import seal_hash
from experiments_core.domain.text import clean, text_problems
from experiments_core.domain.validation import refuse
from experiments_core.errors import ConflictError, Problem

REASON_LENGTH = 500
NOTE_LENGTH = 10_000
REASSIGN = ("keep", "fresh")


@dataclass(frozen=True, slots=True)
class Act:
    """A verb with everything told with it.

    Attributes:
        at: When it takes effect.
        reason: Why; required to reopen, and to complete before the planned end.
        conclusion: How the test ended; required to complete.
        note: Goes with the conclusion.
        reassign: For a new run: ``keep`` every unit's arm, or assign ``fresh``.
        unstated: To complete without saying how it ended, as some clients do.
        winner: Key of a variant: deployed with a deploy, and with a stop that names one;
            written down with a conclusion.
    """

    verb: Verb
    at: datetime
    by: str
    reason: str = ""
    conclusion: str | None = None
    note: str = ""
    reassign: str = "keep"
    winner: str | None = None
    unstated: bool = False


def perform(experiment: Experiment, act: Act) -> Experiment:
    """Take the step, or refuse it and change nothing.

    The version stays; whoever saves it raises it.

    Raises:
        ConflictError: ``INVALID_TRANSITION`` from here, or ``CHECKLIST`` when something that a
            start needs is missing, or ``ALREADY_DEPLOYED``.
        InvalidInputError: something that has to be told with the verb is missing or wrong.
    """
    if act.verb is Verb.DEPLOY and experiment.deployed:
        raise already_deployed(experiment)
    step = advance(experiment.place, act.verb)
    refuse(_problems(experiment, act))
    check_moment(experiment, act.at)
    done = _EFFECTS[act.verb](experiment, act)
    if step.target in {BIN, GONE, PREVIOUS}:
        return done
    return replace(done, status=Status(step.target))


def needed_permission(
    experiment: Experiment, verb: Verb, winner: str | None = None
) -> Permission:
    """The right that a verb needs from here; editing, when the table does not allow it.

    A stop that names a winner deploys it, so it needs that right.
    """
    if verb is Verb.STOP and winner is not None:
        return Permission.DEPLOY
    for info in allowed_actions(experiment.place):
        if info.verb is verb:
            return info.permission
    return Permission.EDIT


def already_deployed(experiment: Experiment) -> ConflictError:
    """The refusal of a second deployment."""
    return ConflictError(
        f"“{experiment.fallback.name}” of this experiment is deployed already.",
        code="ALREADY_DEPLOYED",
        hint="Revert that deployment first.",
        allowed_actions=action_names(experiment.place),
    )


def _start(experiment: Experiment, act: Act) -> Experiment:
    if experiment.status is Status.PAUSED:
        return open_phase(experiment, _phase(experiment, "resume", act))
    missing = blocking(experiment)
    if missing:
        raise ConflictError(
            f"This experiment cannot start yet: {missing[0].message}",
            code="CHECKLIST",
            hint=missing[0].fix,
            details=tuple(Problem(i.item, None, i.rule, i.message) for i in missing),
            allowed_actions=action_names(experiment.place),
        )
    begun = replace(
        with_its_run(experiment),
        run_no=experiment.run_no + 1,
        started_at=act.at,
        stopped_at=None,
        stop_reason="",
        conclusion=None,
        winner=None,
    )
    if not experiment.is_sealed:
        first = experiment.first_started_at or act.at
        seal = seal_hash(experiment)
        begun = replace(begun, first_started_at=first, sealed_at=act.at, seal_hash=seal)
    elif act.reassign == "fresh":
        begun = replace(begun, hash_seed=f"{experiment.key}.{begun.run_no}")
    return open_phase(begun, _phase(begun, "start", act))


def _phase(experiment: Experiment, kind: str, act: Act) -> Phase:
    return next_phase(
        experiment, kind, at=act.at, by=act.by, reason=act.reason,
        rerandomised=act.reassign == "fresh",
    )  # fmt: skip


def _pause(experiment: Experiment, act: Act) -> Experiment:
    return close_phase(experiment, act.at)


def _stop(experiment: Experiment, act: Act) -> Experiment:
    stopped = close_phase(experiment, act.at)
    stopped = replace(stopped, stopped_at=act.at, stop_reason=clean(act.reason))
    if act.winner is None:
        return stopped
    won = act.winner != experiment.control.key
    return replace(
        stopped,
        winner=act.winner,
        deployed=act.winner,
        conclusion="won" if won else "lost",
    )


def _complete(experiment: Experiment, act: Act) -> Experiment:
    over = close_phase(experiment, act.at)
    return replace(
        over,
        conclusion=act.conclusion,
        conclusion_note=clean(act.note),
        winner=act.winner or _implied_winner(experiment, act.conclusion),
        stop_reason=clean(act.reason) or over.stop_reason,
        stopped_at=over.stopped_at or act.at,
        completed_at=act.at,
    )


def _implied_winner(experiment: Experiment, conclusion: str | None) -> str | None:
    """With two arms the conclusion says which one won."""
    treatments = [one.key for one in experiment.variants if not one.is_control]
    if conclusion == "won":
        return treatments[0] if len(treatments) == 1 else experiment.winner
    return experiment.control.key if conclusion == "lost" else None


def _reopen(experiment: Experiment, _act: Act) -> Experiment:
    return replace(
        experiment, conclusion=None, conclusion_note="", winner=None, completed_at=None
    )


def _deploy(experiment: Experiment, act: Act) -> Experiment:
    shown = replace(experiment, deployed=act.winner, winner=experiment.winner or act.winner)
    return _archive(shown, act)


def _archive(experiment: Experiment, act: Act) -> Experiment:
    return replace(experiment, archived_at=act.at, archived_from=experiment.status)


def _unarchive(experiment: Experiment, _act: Act) -> Experiment:
    back = experiment.archived_from or Status.DRAFT
    return replace(experiment, status=back, archived_at=None, archived_from=None)


def _delete(experiment: Experiment, act: Act) -> Experiment:
    return replace(experiment, deleted_at=act.at)


def _restore(experiment: Experiment, act: Act) -> Experiment:
    deleted = experiment.deleted_at
    if deleted is not None and act.at - deleted > timedelta(days=BIN_DAYS):
        since = f"since {deleted:%Y-%m-%d}; it can be restored for {BIN_DAYS} days."
        raise invalid_transition(BIN, f"It has been there {since}")
    return replace(experiment, deleted_at=None)


def _purge(experiment: Experiment, _act: Act) -> Experiment:
    return experiment


_EFFECTS = {
    Verb.START: _start,
    Verb.PAUSE: _pause,
    Verb.RESUME: _start,
    Verb.STOP: _stop,
    Verb.COMPLETE: _complete,
    Verb.REOPEN: _reopen,
    Verb.ARCHIVE: _archive,
    Verb.UNARCHIVE: _unarchive,
    Verb.DELETE: _delete,
    Verb.RESTORE: _restore,
    Verb.DEPLOY: _deploy,
    Verb.PURGE: _purge,
}


def _problems(experiment: Experiment, act: Act) -> list[Problem]:
    problems = text_problems("reason", act.reason, longest=REASON_LENGTH, lines=True)
    problems += text_problems("note", act.note, longest=NOTE_LENGTH, lines=True)
    if act.reassign not in REASSIGN:
        message = f"reassign is “{act.reassign}”; choose keep or fresh"
        problems.append(Problem("reassign", act.reassign, "UNKNOWN_CHOICE", message))
    elif act.reassign == "fresh" and experiment.place != Status.STOPPED:
        message = "Units can be assigned afresh only when a new run starts"
        problems.append(Problem("reassign", act.reassign, "RANGE", message))
    if act.verb is Verb.REOPEN and not clean(act.reason):
        message = "Say why the experiment is opened again"
        problems.append(Problem("reason", act.reason, "REQUIRED", message))
    problems += _winner_problems(experiment, act)
    if act.verb is Verb.COMPLETE:
        problems += _conclusion_problems(experiment, act)
    return problems


def _winner_problems(experiment: Experiment, act: Act) -> list[Problem]:
    keys = [variant.key for variant in experiment.variants]
    field = "variant" if act.verb is Verb.DEPLOY else "winner"
    if act.winner is None:
        if act.verb is not Verb.DEPLOY:
            return []
        message = f"Say which variant is deployed: {', '.join(keys)}"
        return [Problem(field, None, "REQUIRED", message)]
    if act.verb not in {Verb.STOP, Verb.COMPLETE, Verb.DEPLOY}:
        message = f"A winner cannot be named with {act.verb}"
        return [Problem(field, act.winner, "UNKNOWN_FIELD", message)]
    if act.winner not in keys:
        message = f"There is no variant “{act.winner}”; there are {', '.join(keys)}"
        return [Problem(field, act.winner, "UNKNOWN_CHOICE", message)]
    return []


def _conclusion_problems(experiment: Experiment, act: Act) -> list[Problem]:
    problems = []
    silent = act.unstated and act.conclusion is None
    if act.conclusion not in CONCLUSIONS and not silent:
        rule = "REQUIRED" if act.conclusion is None else "UNKNOWN_CHOICE"
        message = f"Say how the test ended: {', '.join(CONCLUSIONS)}"
        problems.append(Problem("conclusion", act.conclusion, rule, message))
    end = experiment.plan.planned_end
    if end is not None and act.at.date() < end and not clean(act.reason or act.note):
        message = f"The test was planned until {end.isoformat()}; say why it ends before that"
        problems.append(Problem("reason", act.reason, "REQUIRED", message))
    return problems
