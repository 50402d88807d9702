"""Two people change the traffic of one test: fields that only they touched become theirs."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.access import Actor
from experiments_core.domain.experiment import Experiment
from experiments_core.errors import VersionStaleError
from experiments_core.services import experiments as service
from experiments_core.services.workspace import Workspace
from pages.parts import conflict, traffic_fields
from pages.parts.traffic_fields import forget, key

BASE = "base"


def version_of(ws: Workspace, actor: Actor, experiment: Experiment) -> int:
    """The version that the fields were filled from; both sides are shown if it is old.

    Another change than one of traffic is no conflict: the fields go on from the new version.
    """
    saved = traffic_fields.saved_texts(experiment)
    version, base = st.session_state.setdefault(
        key(experiment, BASE), (experiment.version, saved)
    )
    if version == experiment.version:
        return int(version)
    if base == saved:
        st.session_state[key(experiment, BASE)] = (experiment.version, saved)
        return experiment.version
    try:
        service.expect_version(ws, actor, experiment, version)
    except VersionStaleError as error:
        mine = _touched(experiment, base)
        conflict.show(
            error.message,
            [(_label(experiment, name), _shown(saved.get(name, "")), _shown(text))
             for name, text in mine.items()],
            keep_mine=lambda: _go_on(experiment),
            take_theirs=lambda: forget(experiment),
            keep_label="Go on with mine",
        )  # fmt: skip
    return int(version)


def _touched(experiment: Experiment, base: dict[str, str]) -> dict[str, str]:
    """The fields whose text is no longer what they were filled with."""
    typed = {name: str(st.session_state.get(key(experiment, name), was))
             for name, was in base.items()}  # fmt: skip
    return {name: text for name, text in typed.items() if text != base[name]}


def _go_on(experiment: Experiment) -> None:
    """Keep what was typed; every other field takes what is saved now."""
    _, base = st.session_state[key(experiment, BASE)]
    mine, saved = _touched(experiment, base), traffic_fields.saved_texts(experiment)
    for name, text in saved.items():
        if name not in mine:
            st.session_state[key(experiment, name)] = text
    st.session_state[key(experiment, BASE)] = (experiment.version, saved)


def _label(experiment: Experiment, name: str) -> str:
    names = {f"weight-{v.key}": v.name or v.key for v in experiment.variants}
    if name in names:
        return f"Share of {words.plain(names[name], 60)}, %"
    return {
        "allocation": "Allocation, %", "holdout": "Holdout, %", "rules": "Rules",
        "rules-how": "Rules, joined by",
    }[name]  # fmt: skip


def _shown(text: str) -> str:
    return " · ".join(text.splitlines()) or words.NONE
