"""The arms of a call: which is control, which are tested_arms, and in what shares."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from experiments_core.analysis.design import PhaseDesign
from experiments_core.domain.typed_shares import SHARES_HINT, shares_fault
from experiments_core.tabular.candidates import certain_control
from experiments_core.tabular.text import fold, listed, shorten
from experiments_core.workbench.refusing import is_number, nearest, refusal


def choose_control(wanted: str | None, arms: Sequence[str]) -> str:
    """The arm that is control: the one named, else the one that is called so.

    Raises:
        InvalidInputError: fewer than two arms, no such arm, or nobody said which.
    """
    if len(arms) < 2:
        seen = f"only “{shorten(arms[0])}”" if arms else "none"
        raise refusal(
            "variant",
            list(arms),
            "ONE_VARIANT",
            f"A test needs two variants; {seen} is there.",
            "Add the rows of the other variant, or name another variant column.",
        )
    if wanted is None:
        found = certain_control(arms)
        if not found:
            raise refusal(
                "control",
                None,
                "REQUIRED",
                f"Nobody said which variant is control: {listed(tuple(arms), 20)}.",
                f"Say it: control={arms[0]!r}.",
            )
        return found
    if wanted in arms:
        return wanted
    same = [arm for arm in arms if fold(arm) == fold(str(wanted))]
    if len(same) == 1:
        return same[0]
    raise refusal(
        "control",
        wanted,
        "NOT_FOUND",
        f"There is no variant “{wanted}” to be the control.",
        nearest(str(wanted), arms),
    )


def refuse_split(split: object) -> None:
    """Refuse a split that names no arms.

    Raises:
        InvalidInputError: it is no mapping.
    """
    if split is not None and not isinstance(split, Mapping):
        raise refusal(
            "split",
            split,
            "TYPE",
            f"The split is {split!r}; it is a share for each variant.",
            'Write it like split={"control": 50, "treatment": 50}.',
        )


def choose_split(split: Mapping[str, float] | None, arms: Sequence[str]) -> dict[str, float]:
    """Planned shares of the arms: percent, fractions or a ratio; equal when left out.

    Raises:
        InvalidInputError: the split names another arm, or leaves one out, a share is not
            above 0, or they do not add up.
    """
    if split is None:
        return dict.fromkeys(arms, 1.0)
    for arm, share in split.items():
        if arm not in arms:
            raise refusal(
                "split",
                arm,
                "NOT_FOUND",
                f"The split names “{shorten(str(arm))}”, but no such variant is in the data.",
                nearest(str(arm), arms),
            )
        if not is_number(share) or share <= 0:
            raise refusal(
                "split",
                share,
                "RANGE",
                f"The share of “{shorten(arm)}” in the split is {share!r}.",
                f"Shares are numbers above 0. {SHARES_HINT}",
            )
    missing = [arm for arm in arms if arm not in split]
    if missing:
        raise refusal(
            "split",
            missing[0],
            "REQUIRED",
            f"The split says nothing about {listed(missing)}, which is in the data.",
            "Name every variant, or leave those rows out.",
        )
    fault = shares_fault([float(share) for share in split.values()])
    if fault:
        raise refusal("split", dict(split), "SPLIT_SUM", fault, SHARES_HINT)
    return {arm: float(share) for arm, share in split.items()}


def tested_arms(
    arms: tuple[str, ...], holdout: str | None, control: str | None
) -> tuple[str, ...]:
    """The variants: every arm of the data but the holdout, unless it is compared with.

    Raises:
        InvalidInputError: there is no such arm.
    """
    if holdout is not None and holdout not in arms:
        raise refusal(
            "holdout", holdout, "NOT_FOUND", f"There is no variant “{holdout}” in the data.",
            f"There are: {', '.join(arms)}.",
        )  # fmt: skip
    return tuple(arm for arm in arms if arm != holdout or arm == control)


def in_order(
    arms: tuple[str, ...], split: Mapping[str, Any] | None, control: str
) -> tuple[str, ...]:
    """Control first, then as in the split, then by name."""
    told = [arm for arm in (split or {}) if arm in arms and arm != control]
    return (control, *told, *(arm for arm in arms[1:] if arm not in told))


def phases_of(
    split: Mapping[str, Any] | None, arms: Sequence[str], labels: tuple[str, ...]
) -> tuple[PhaseDesign, ...]:
    """The split of each phase: one for all of them, or one per label.

    Raises:
        InvalidInputError: a phase has no split, or the split does not fit the arms.
    """
    by_label = split is not None and all(isinstance(one, Mapping) for one in split.values())
    if not by_label or not split:
        return (PhaseDesign(choose_split(split, arms)),) * max(1, len(labels))
    missing = [label for label in labels if label not in split]
    if missing or not labels:
        raise refusal(
            "split", missing, "REQUIRED",
            f"The split says nothing about phase “{missing[0] if missing else ''}”.",
            f"Name a split for each phase: {', '.join(labels)}.",
        )  # fmt: skip
    return tuple(PhaseDesign(choose_split(split[label], arms)) for label in labels)
