"""Plan: how many users, how long, what could be seen; no experiment needed."""

import streamlit as st

from experiments_core.domain.access import Permission
from experiments_core.errors import UpshotError
from experiments_core.services.planning import plan
from pages.parts import (
    create_prefill,
    plan_guardrails,
    plan_inputs,
    plan_looks,
    plan_outputs,
    plan_questions,
    plan_tables,
    screen,
    theme,
    who,
)


def draw() -> None:
    """Inputs on the left, answers on the right."""
    actions = theme.title_row("Plan")
    share = 1.5 if screen.is_narrow() else 2.55
    inputs, answers = st.columns([1, share], gap="large")
    with inputs:
        fields = plan_inputs.Fields(keep={"bind": "query-params"})
        question = plan_inputs.ask(fields)
    with answers:
        if question is None:
            plan_inputs.show_faults(fields.faults)
            return
        try:
            _answer(question)
        except UpshotError as error:
            theme.refused(error)
            return
    if who.can(Permission.EDIT):
        create_prefill.button(actions, question)


def _answer(question: plan_inputs.Question) -> None:
    if question.find == "effect":
        plan_questions.smallest_effect(question.design, question.total)
        plan_guardrails.draw(question.design, question.total)
        return
    if question.find == "power":
        plan_questions.power(question.design, question.total)
        plan_guardrails.draw(question.design, question.total)
        return
    result = plan(question.design)
    plan_outputs.headline(result)
    plan_outputs.charts(result, key="plan")
    plan_tables.sensitivity(result)
    plan_outputs.assumptions(result)
    plan_looks.looks(result)
    plan_guardrails.draw(result.design)
    plan_tables.other_calculators(result)
    plan_outputs.formula(result)


draw()
