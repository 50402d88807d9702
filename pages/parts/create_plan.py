"""Step 4: how long, how many, while it is typed."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.errors import UpshotError
from experiments_core.services.planning import plan
from pages.parts import create_baseline, create_save, entry, plan_inputs, plan_outputs, theme
from pages.parts import create_form as form


def draw() -> None:
    """Inputs on the left; units, days and both charts on the right."""
    fields = plan_inputs.Fields(form.PREFIX, dict(form.KEEP), filled=True)
    unit = form.text("unit") or "user"
    left, right = st.columns([1, 1.9], gap="large")
    with left:
        theme.section("How long, how many")
        kind = create_save.primary_kind()
        given = plan_inputs.effect_fields(fields, kind)
        create_baseline.offer(kind)
        given |= plan_inputs.risk_fields(fields)
        given["alternative"] = plan_inputs.sides_field(fields)
        given["daily_units"] = fields.typed(
            f"{unit.capitalize()}s a day", "daily", "", entry.optional_whole
        )
        theme.note("Fixed plan: read it once, at the end. That needs the fewest users.")
        st.checkbox(
            "Lock the results until then", key=f"{form.PREFIX}locked", **form.KEEP,
            help="Until the plan is reached or the test is stopped, everybody sees whether "
            "the traffic is right and how far it is, but no metric.",
        )  # fmt: skip
    with right:
        if fields.faults:
            _waiting(fields.faults)
            return
        try:
            result = plan(create_save.design(given))
        except UpshotError as error:
            theme.refused(error)
            return
        plan_outputs.headline(result, unit)
        plan_outputs.charts(result, key="planned", unit=unit)
        plan_outputs.assumptions(result)
        _saved(result.total, unit)


def _waiting(faults: list[UpshotError]) -> None:
    """Empty fields are not mistakes yet; the rest is told."""
    wrong = [fault for fault in faults if fault.details[0].rule != "REQUIRED"]
    if wrong:
        plan_inputs.show_faults(wrong)
        return
    missing = " and ".join(fault.details[0].field.lower() for fault in faults)
    theme.empty("No plan yet.", f"Fill in {missing} to see how many users it takes.")


def _saved(total: int, unit: str) -> None:
    """A draft may plan another number than its fields give; touching a field plans anew."""
    known = form.base()
    saved = known.plan.planned_units if known else None
    if saved is not None and saved != total and form.plan_is_as_saved():
        planned = words.plural(saved, unit)
        theme.note(f"The draft plans {planned}. Change a field to plan {words.count(total)}.")
