"""Names that the experiment does not have: which of its variants each of them is."""

from __future__ import annotations

import streamlit as st

from experiments_core.charts import words
from experiments_core.services.ingestion import ImportReport
from pages.parts import data_upload, theme
from pages.parts.data_import import Import

UNKNOWN = "VARIANT_UNKNOWN"
LEAVE_OUT = "No variant of it: leave its rows out"


def draw(known: Import, found: ImportReport | None) -> None:
    """One choice for each name in the file that is no variant of the experiment."""
    into = data_upload.chosen(known.experiment_id)
    rejects = found.first_rejects if found is not None else ()
    unknown = [one.value.strip() for one in rejects if one.rule == UNKNOWN]
    names = list(dict.fromkeys((*known.merges, *unknown)))
    if into is None or not names:
        return
    variants = [variant.key for variant in into.variants]
    with st.container(border=True, key="unknown-variants"):
        mark = ":green[✓]" if not unknown else ":orange[**?**]"
        told = words.plural(len(names), "name")
        st.markdown(
            f"{mark} The file has {told} that {theme.text(into.name, 60)} does not know. Which "
            "of its variants is it?"
        )
        for name in names:
            key = f"variant-{known.draft.import_id}-{name}"
            st.session_state[key] = known.merges.get(name, "")
            st.selectbox(
                f"“{theme.text(name, 60)}” is", ["", *variants], key=key,
                format_func=lambda value: words.plain(value, 60) if value else LEAVE_OUT,
                on_change=_chosen, args=(known, name, key),
            )  # fmt: skip


def _chosen(known: Import, name: str, key: str) -> None:
    known.merges.pop(name, None)
    if st.session_state[key]:
        known.merges[name] = st.session_state[key]
