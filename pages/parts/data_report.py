"""What reading every row has shown: used, left out and why, with lines; warnings; rows."""

from __future__ import annotations

import re
from functools import partial

import pandas as pd
import streamlit as st

from experiments_core.charts import words
from experiments_core.charts.bars import rows_funnel
from experiments_core.charts.findings import rows_alt
from experiments_core.errors import UpshotError
from experiments_core.services import ingestion, workspace
from experiments_core.services.ingestion import ImportReport, RuleCount
from pages.parts import data_draft, data_mapping, data_quality, data_variants, theme, who
from pages.parts.data_import import Import

READ = "data-read"
PLAIN = "csv-for-programs"
ROWS_COUNTED = re.compile(r"[\d\u202f]+ rows? (left out|cannot be used): ")
AUTOMATIC_BYTES = 20 * 1024 * 1024
SHOWN_LINES = 3
PREVIEW = 5


def board(known: Import) -> ImportReport | None:
    """What the columns mean on the left, what that gives on the right; the report if any."""
    mapping, report = st.columns([1.3, 1], gap="large")
    with mapping:
        asked = st.container()  # drawn after reading, which may bring up new questions
        data_mapping.reading(known)
    with report:
        found = ensure(known)
        if found is not None:
            draw(known, found)
    with asked:
        data_mapping.columns(known)
        data_mapping.questions(known)
        data_variants.draw(known, found)
    return found


def ensure(known: Import) -> ImportReport | None:
    """The report for what is said now; small files are read at once, large ones on request.

    Where there is none, the place says why.
    """
    asked = bool(st.session_state.get(READ))
    if known.found is None and (asked or known.draft.bytes <= AUTOMATIC_BYTES):
        data_draft.check(known, asked=asked)
    found = known.found
    if isinstance(found, ImportReport) and found.rows_read:
        return found
    if isinstance(found, UpshotError):
        theme.refused(found, "Nothing of this file was stored.")
        data_quality.take_back(known)
    elif isinstance(found, ImportReport):
        theme.section("Not read yet")
        theme.muted("Answer what is asked beside, or say what the columns mean.")
    else:
        theme.section("Not read yet")
        theme.muted("This is a large file. Say what its columns mean, then read every row.")
        st.button("Read every row", type="primary", key=READ)
    return None


def draw(known: Import, report: ImportReport) -> None:
    """Title with the counts, the bars, reasons, arms and warnings."""
    used, out = words.count(report.rows_used), words.count(report.rows_left_out)
    theme.section(f"{used} rows used, {out} left out")
    drawing = rows_funnel(
        report.rows_read, report.rows_used, report.rows_left_out, theme.tokens()
    )
    alt = rows_alt(report.rows_read, report.rows_used, report.rows_left_out)
    theme.figure(drawing, key="data-rows", alt=alt)
    if report.by_rule:
        _reasons(known, report)
    control = known.mapping.control
    ordered = sorted(report.arms.items(), key=lambda one: one[0] != control)
    arms = " · ".join(f"{words.plain(arm, 40)} {words.count(n)}" for arm, n in ordered)
    theme.lead("Arms", arms)
    if known.experiment_id is None and len(ordered) > 1:
        _split(known, [arm for arm, _ in ordered])
    data_quality.draw(known, report, for_spreadsheet=for_spreadsheet())
    if report.warnings or report.by_rule:
        plain_switch()


def _split(known: Import, arms: list[str]) -> None:
    """The split that was meant, which the counted one is held against."""
    told = known.split if set(known.split) == set(arms) else {}
    shown = " : ".join(f"{told[arm]:g}" for arm in arms) if told else "equal"
    with (
        st.expander(f"Intended split: {shown}", icon=":material/tune:", type="compact"),
        st.form(f"split-{known.draft.import_id}", border=False),
    ):
        given = {
            arm: st.number_input(
                theme.text(arm, 40), 0.01, value=told.get(arm, round(100 / len(arms), 2)),
                key=f"split-{known.draft.import_id}-{number}",
            )
            for number, arm in enumerate(arms)
        }  # fmt: skip
        theme.note("Shares in any numbers: 50 and 50, or 90 and 10.")
        if st.form_submit_button("Use this split"):
            known.split = given
            st.rerun()


def for_spreadsheet() -> bool:
    """Whether downloads are for a spreadsheet, or for programs: as the cells stand."""
    return not st.session_state.get(PLAIN)


def plain_switch() -> None:
    """Let downloads be for programs."""
    st.toggle(
        "CSV for programs", key=PLAIN,
        help="UTF-8 without a byte-order mark, and every cell as it stands in the file. A "
        "spreadsheet would run cells that begin with = + - @.",
    )  # fmt: skip


def _reasons(known: Import, report: ImportReport) -> None:
    theme.table(
        {
            "Left out because": reason(one),
            "Rows": words.count(one.rows),
            "Rule": one.rule,
            "Lines": _lines(one.lines),
        }
        for one in report.by_rule
    )
    total = words.count(report.rows_left_out)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.download_button(
            f"All {total} as CSV",
            partial(
                ingestion.rejects_csv,
                workspace.current(),
                who.actor(),
                known.draft.import_id,
                for_spreadsheet=for_spreadsheet(),
            ),
            file_name="rejects.csv",
            mime="text/csv",
            type="tertiary",
            icon=":material/download:",
            on_click="ignore",
        )
        if len(report.by_rule) > 1:
            theme.muted(sum_of(report), width="content")


def sum_of(report: ImportReport) -> str:
    """How the reasons add up; a row may break several rules."""
    counts = [one.rows for one in report.by_rule]
    out = words.count(report.rows_left_out)
    if sum(counts) != report.rows_left_out:
        return f"{out} in all: a row can break more than one rule"
    return f"{' + '.join(words.count(rows) for rows in counts)} = {out}"


def reason(one: RuleCount) -> str:
    """The message without the count of rows, which the next column shows."""
    found = ROWS_COUNTED.search(one.message)
    text = one.message
    if found:
        text = one.message[: found.start()].rstrip(": ") or one.message[found.end() :]
    text = words.plain(text, 200)
    return text[:1].upper() + text[1:]


def _lines(lines: tuple[int, ...]) -> str:
    shown = ", ".join(words.count(line) for line in lines[:SHOWN_LINES])
    return f"{shown} …" if len(lines) > SHOWN_LINES else shown


def preview(report: ImportReport) -> None:
    """The first rows as typed values; all fifty on request."""
    names, rows = report.preview
    if not rows:
        return
    theme.lead("Preview", f"first {min(PREVIEW, len(rows))} of {len(rows)}, as typed values")
    frame = pd.DataFrame(list(rows), columns=list(names))
    st.dataframe(frame.head(PREVIEW), hide_index=True, key="data-preview")
    if len(rows) > PREVIEW:
        with st.expander(f"All {len(rows)} rows", icon=":material/table_rows:", type="compact"):
            st.dataframe(frame, hide_index=True, key="data-preview-all")
