"""The fields of a change of traffic: split, allocation, holdout, targeting, the reason."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.experiment import WHOLE_BP, Experiment
from experiments_core.domain.lifecycle import Status
from experiments_core.domain.shares import equal_weights
from experiments_core.domain.traffic import MOST_HOLDOUT_BP
from experiments_core.errors import InvalidInputError, UpshotError
from pages.parts import entry, rules, theme

LIVE = "400ms"


@dataclass
class Typed:
    """What stands in the fields.

    Attributes:
        weights_bp: Variant key -> basis points, of the fields that can be read.
        allocation_bp: None while the field cannot be read.
        holdout_bp: The same.
        targeting: None as long as the rules are those of the test; ``{}`` is everybody.
        reason: As typed.
        faults: One per field that cannot be read.
    """

    weights_bp: dict[str, int] = field(default_factory=dict)
    allocation_bp: int | None = None
    holdout_bp: int | None = None
    targeting: dict[str, Any] | None = None
    reason: str = ""
    faults: list[UpshotError] = field(default_factory=list)

    @property
    def changes(self) -> dict[str, Any]:
        """What the service is told."""
        return {
            "weights_bp": self.weights_bp,
            "allocation_bp": self.allocation_bp,
            "holdout_bp": self.holdout_bp,
            "targeting": self.targeting,
        }


def ask(experiment: Experiment) -> Typed:
    """Draw the fields and read them."""
    typed = Typed()
    for variant in experiment.variants:
        arm = variant.name or variant.key
        share = _share(
            experiment, typed, f"Share of {words.plain(arm, 60)}, %", f"weight-{variant.key}",
            variant.weight_bp, shown=f"Share of {theme.text(arm, 60)}, %",
        )  # fmt: skip
        if share is not None:
            typed.weights_bp[variant.key] = share
    st.button("Equal", on_click=_equal, args=(experiment,), help="Equal shares, exactly 100 %")
    _sum_line(typed)
    rises = "" if experiment.status is Status.DRAFT else ", can only rise"
    typed.allocation_bp = _share(
        experiment, typed, f"Allocation{rises}, %", "allocation", experiment.allocation_bp
    )
    is_open = bool(experiment.holdout_bp or experiment.targeting)
    with st.expander("Holdout and targeting", expanded=is_open):
        typed.holdout_bp = _share(
            experiment, typed, f"Holdout, % (at most {MOST_HOLDOUT_BP // 100})", "holdout",
            experiment.holdout_bp,
        )  # fmt: skip
        _rules(experiment, typed)
    if experiment.status is not Status.DRAFT:
        typed.reason = st.text_area(
            "Reason", key=key(experiment, "reason"), max_chars=500, height=80,
            placeholder="3 to 500 characters; stands in the history for ever",
        )  # fmt: skip
    return typed


def saved_texts(experiment: Experiment) -> dict[str, str]:
    """Name of a field -> its text, as the fields are filled from what is saved."""
    how, text = rules.written(experiment.targeting)
    weights = {f"weight-{v.key}": entry.share(v.weight_bp) for v in experiment.variants}
    return weights | {
        "allocation": entry.share(experiment.allocation_bp),
        "holdout": entry.share(experiment.holdout_bp),
        "rules-how": how,
        "rules": text,
    }


def key(experiment: Experiment, name: str) -> str:
    """Key of a field in the session."""
    return f"traffic-{experiment.id}-{name}"


def forget(experiment: Experiment) -> None:
    """Fill all fields anew with what is saved."""
    for known in [str(known) for known in st.session_state]:
        if known.startswith(key(experiment, "")):
            del st.session_state[known]


def _share(
    experiment: Experiment, typed: Typed, label: str, name: str, basis: int, *, shown: str = ""
) -> int | None:
    """One field; ``shown`` is its label where a name from data stands in it."""
    field_key = key(experiment, name)
    st.session_state.setdefault(field_key, entry.share(basis))
    text = st.text_input(shown or label, key=field_key, live=LIVE) or ""
    try:
        return entry.basis_points(label, text)
    except InvalidInputError as fault:
        typed.faults.append(fault)
        return None


def _rules(experiment: Experiment, typed: Typed) -> None:
    """Who may enter; rules that nobody touched are not sent."""
    saved = rules.written(experiment.targeting)
    how_key, text_key = key(experiment, "rules-how"), key(experiment, "rules")
    st.session_state.setdefault(how_key, saved[0])
    st.session_state.setdefault(text_key, saved[1])
    how = st.selectbox(
        f"A {theme.text(experiment.unit)} enters who meets", list(rules.HOW), key=how_key,
        format_func=lambda one: rules.HOW[one],
    )  # fmt: skip
    text = st.text_area(
        "Rules, one a line; empty: everybody", key=text_key, height=96, max_chars=20_000,
        placeholder="country in DE, FR\nage >= 18\napp version >= 2.10",
        help=f"{', '.join(rules.SIGNS)}, {', '.join(rules.WORDS)}; lists with commas. "
        'Nested rules as JSON: {"all": [...]}.',
    )  # fmt: skip
    if (how, text or "") == saved:
        return
    try:
        typed.targeting = rules.read(how, text or "")
    except InvalidInputError as fault:
        typed.faults.append(fault)


def _equal(experiment: Experiment) -> None:
    shares = equal_weights(len(experiment.variants))
    for variant, share in zip(experiment.variants, shares, strict=True):
        st.session_state[key(experiment, f"weight-{variant.key}")] = entry.share(share)


def _sum_line(typed: Typed) -> None:
    if typed.faults:
        return
    total = sum(typed.weights_bp.values())
    if total == WHOLE_BP:
        theme.note("Adds up to exactly 100 %.")
        return
    off = abs(WHOLE_BP - total)
    which = "missing" if total < WHOLE_BP else "too much"
    st.markdown(
        f":orange[**!** The shares add up to {theme.text(percent(total))}. They must be "
        f"exactly 100 %: {theme.text(percent(off))} is {which}.]"
    )


def percent(basis: int) -> str:
    """Basis points in words."""
    return words.percent(basis / WHOLE_BP, 2)
