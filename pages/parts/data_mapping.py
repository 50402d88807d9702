"""What the file is, what each column means, and what only a person can know."""

from __future__ import annotations

from collections.abc import Mapping as Table
from dataclasses import replace
from typing import Any

import pandas as pd
import streamlit as st

from experiments_core.charts import words
from experiments_core.domain.experiment import Experiment
from experiments_core.domain.source import REPEATS_OF, ROLES_OF, ColumnMapping, Role, Shape
from experiments_core.errors import UpshotError
from experiments_core.services import ingestion
from experiments_core.services.ingestion import Draft, ImportReport, Question
from pages.parts import data_draft, data_upload, theme
from pages.parts.data_import import Import

ROLES = {
    Role.UNIT: "Unit id",
    Role.VARIANT: "Arm",
    Role.TIME: "Time",
    Role.OUTCOME: "Outcome",
    Role.VALUE: "Value",
    Role.SEGMENT: "Segment",
    Role.COVARIATE: "Covariate",
    Role.VISITORS: "Visitors",
    Role.CONVERSIONS: "Conversions",
    Role.RATE: "Rate",
    Role.EVENT: "Event",
    Role.METRIC: "Metric name",
    Role.COUNT: "Count",
    Role.MEAN: "Mean",
    Role.VARIANCE: "Variance",
    Role.DEVIATION: "Standard deviation",
    Role.EXPERIMENT: "Experiment",
    Role.IGNORE: "Not used",
}
RULES = {
    "": "File's rule",
    "sum": "Sum",
    "mean": "Mean",
    "max": "Highest",
    "min": "Lowest",
    "first": "First",
    "last": "Last",
    "count": "Count",
    "rows": "Every row",
}
DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
ENCODINGS = {"utf-8": "UTF-8", "utf-16": "UTF-16", "windows-1252": "Windows-1252"}
EDITS = "data-edits"
ROW_HEIGHT, HEAD, ROWS_SHOWN = 35, 35, 20
SHAPES = {
    Shape.UNIT: "one row per unit",
    Shape.EVENTS: "an event log",
    Shape.TOTALS: "totals per variant",
    Shape.MOMENTS: "moments per variant",
    Shape.COUNTS: "conversions per variant",
}


def head(draft: Draft, into: Experiment | None) -> None:
    """``checkout.csv · 4.1 MB · UTF-8, comma, header in line 1 · read as: …``."""
    dialect = draft.detection.dialect
    header = f"header in line {dialect.header_line}" if dialect.header_line > 0 else "no header"
    read_as = (
        f"{ENCODINGS.get(dialect.encoding, dialect.encoding)}, "
        f"{DELIMITERS.get(dialect.delimiter, dialect.delimiter)}, {header}"
    )
    shape = SHAPES[draft.detection.proposal.shape]
    whose = f"for {words.plain(into.name, 60)}" if into else "for a new experiment"
    parts = (
        words.plain(draft.file_name, 80), data_upload.size(draft.bytes), read_as,
        f"read as: {shape}", whose,
    )  # fmt: skip
    theme.muted(" · ".join(parts))


def title(known: Import) -> str:
    """What the file is, in one line; once every row was read the counts are exact."""
    report = known.found
    if isinstance(report, ImportReport) and report.rows_read:
        kind = SHAPES[known.mapping.shape]
        repeated = any(rule.rule == "UNIT_REPEATED" for rule in report.by_rule)
        several = repeated or report.units < report.rows_used
        if known.mapping.shape is Shape.UNIT and several:
            kind = "several rows per unit"
        rows = words.plural(report.rows_read, "row")
        return f"{kind.capitalize()}, {rows}, {words.plural(len(report.arms), 'variant')}"
    return words.plain(known.draft.detection.seen.rstrip("."), 120)


STEPS = ("Detect", "Map", "Preview", "Report", "Commit")


def steps(known: Import) -> None:
    """Where one stands: five words in a bar, a tick before each that is done."""
    read = isinstance(known.found, ImportReport) and known.found.rows_read > 0
    reached = 1 if known.open_questions else 4 if read else 2
    with st.grid(len(STEPS), min_column_width=90, gap=None, border=True, key="data-steps"):
        for number, name in enumerate(STEPS):
            told = f"**{number + 1}** {name}"
            if number < reached:
                told = f":material/check: {name}"
            elif number == reached:
                told = f":blue[{told}]"
            st.markdown(f":small[{told}]", text_alignment="center")


def reading(known: Import) -> None:
    """How the file is read; another delimiter or header line reads it anew."""
    dialect = known.draft.detection.dialect
    with st.expander("How the file is read", icon=":material/tune:", type="compact"):
        left, right = st.columns(2)
        with left:
            delimiter = st.selectbox(
                "Fields are divided by",
                list(DELIMITERS),
                index=list(DELIMITERS).index(dialect.delimiter),
                format_func=DELIMITERS.__getitem__,
                key=f"delimiter-{known.draft.import_id}",
            )
        with right:
            header = st.number_input(
                "Line of the header, 0 for none",
                0,
                1000,
                max(dialect.header_line, 0),
                key=f"header-{known.draft.import_id}",
            )
        known_as = known.draft.detection.proposal.shape
        shape = st.selectbox(
            "Rows are", list(SHAPES), index=list(SHAPES).index(known_as),
            format_func=lambda one: SHAPES[one].capitalize(),
            key=f"shape-{known.draft.import_id}",
        )  # fmt: skip
        changed = replace(dialect, delimiter=delimiter, header_line=int(header))
        if shape is not known_as:
            changed = replace(changed, shape=shape.value)
        for ask in known.draft.detection.asks:
            changed = ingestion.answer_layout(changed, ask, _again(known, ask))
        st.button(
            "Read it this way", on_click=data_draft.look_again, args=(known, changed),
            disabled=changed == dialect,
        )  # fmt: skip
        for notice in known.draft.detection.notices:
            st.markdown(theme.text(notice.message, 500))


def _again(known: Import, ask: Question) -> str:
    """Another sheet, another way to put files together, another shape."""
    labels = {choice.value: choice.label for choice in ask.choices}
    name = ask.field.removeprefix("dialect.")
    now = getattr(known.draft.detection.dialect, name)
    chosen = st.selectbox(
        name.capitalize(), list(labels), placeholder="Not chosen yet",
        index=list(labels).index(now) if now in labels else None,
        format_func=lambda value: words.plain(labels[value], 80),
        key=f"{name}-{known.draft.import_id}",
    )  # fmt: skip
    return chosen or ""


def columns(known: Import) -> None:
    """The table of columns; a changed use is kept."""
    theme.section("What each column means")
    mapping = known.mapping
    choices = [role for role in ROLES if role in ROLES_OF[mapping.shape]]
    frame = pd.DataFrame(
        [
            {
                "Column": words.plain(column.name, 60),
                "Use as": ROLES[column.role],
                "Of several": RULES[column.repeats] if column.role in REPEATS_OF else "",
                "Seen": _seen(known, column),
                "Why": column.reason,
            }
            for column in mapping.columns
        ]
    )
    frame = frame.drop(columns="Seen" if known.has_repeats else "Of several")
    key = f"data-columns-{known.draft.import_id}-{st.session_state.get(EDITS, 0)}"
    st.data_editor(
        frame,
        hide_index=True,
        height=ROW_HEIGHT * min(len(frame), ROWS_SHOWN) + HEAD,
        row_height=ROW_HEIGHT,
        disabled=("Column", "Seen", "Why"),
        column_config={
            "Column": st.column_config.TextColumn(width=112),
            "Use as": st.column_config.SelectboxColumn(
                options=[ROLES[role] for role in choices], required=True, width=98
            ),
            "Of several": st.column_config.SelectboxColumn(
                options=list(RULES.values()),
                width=90,
                help="What counts of this column where a unit has several rows. “Every row” is "
                "for a quantile, such as the p95 cost of sessions; a mean then takes the sum.",
            ),
            "Seen": st.column_config.TextColumn(width=105),
            "Why": st.column_config.TextColumn(width=250),
        },
        key=key,
        on_change=_changed,
        args=(known, key),
        alt="Columns of the file, what each is used as, what was seen, and why.",
    )


def _changed(known: Import, key: str) -> None:
    edited: Table[int, Table[str, Any]] = st.session_state[key]["edited_rows"]
    by_name = {name: role for role, name in ROLES.items()}
    rules = {name: rule for rule, name in RULES.items()}
    columns = known.mapping.columns
    for row, cells in edited.items():
        column = columns[int(row)]
        if "Use as" in cells:
            known.use(column.position, by_name[cells["Use as"]])
        if "Of several" in cells:
            known.rules[column.position] = rules.get(cells["Of several"], "")
            if column.role is Role.IGNORE and "Use as" not in cells:
                known.use(column.position, Role.VALUE)  # who says how it counts, uses it
    st.session_state[EDITS] = st.session_state.get(EDITS, 0) + 1


def _seen(known: Import, column: ColumnMapping) -> str:
    seen = known.draft.detection.columns[column.position]
    report = known.found
    if column.role is Role.UNIT and isinstance(report, ImportReport) and report.units:
        return f"{words.count(report.units)} units"
    return ", ".join(words.plain(example, 24) for example in seen.examples[:4])


def questions(known: Import) -> None:
    """What only a person can know; each answer can be changed."""
    for number, question in enumerate(known.questions):
        answered = known.answers.get(question.field)
        with st.container(border=True, key=f"question-{number}"):
            mark = ":green[✓]" if answered else ":orange[**?**]"
            st.markdown(f"{mark} {theme.text(question.text, 600)}")
            if question.choices:
                _choices(known, question, answered)
            if question.code == "EXPERIMENT" and known.mapping.experiment == "*":
                _some(known)


def _choices(known: Import, question: Question, answered: str | None) -> None:
    labels = {choice.value: choice.label for choice in question.choices}
    key = f"answer-{known.draft.import_id}-{question.field}"
    st.session_state[key] = answered if answered in labels else None
    options: dict[str, Any] = {
        "key": key,
        "on_change": _answered,
        "args": (known, question, key),
        "label_visibility": "collapsed",
    }
    short = len(labels) <= 3 and sum(map(len, labels.values())) <= 40
    if short:
        st.segmented_control(
            "Answer", list(labels), format_func=lambda value: theme.text(labels[value], 80),
            **options,
        )  # fmt: skip
    elif len(labels) <= 5:
        st.radio(
            "Answer", list(labels), index=None, **options,
            format_func=lambda value: theme.text(labels[value], 120),
        )  # fmt: skip
    else:
        st.selectbox(
            "Answer", list(labels), index=None, placeholder="Choose", **options,
            format_func=lambda value: words.plain(labels[value], 80),
        )  # fmt: skip


def _some(known: Import) -> None:
    """Of several experiments those that are wanted; all of them at first."""
    try:
        names = data_draft.experiments_in(known)
    except UpshotError as error:
        theme.refused(error)
        return
    key = f"some-{known.draft.import_id}"
    st.session_state[key] = list(known.only or names)
    st.multiselect(
        "Which of them", names, key=key, on_change=_chose_some, args=(known, key, names),
        format_func=lambda name: words.plain(name, 60), placeholder="All of them",
    )  # fmt: skip


def _chose_some(known: Import, key: str, names: list[str]) -> None:
    chosen = tuple(st.session_state[key])
    known.only = () if len(chosen) == len(names) else chosen


def _answered(known: Import, question: Question, key: str) -> None:
    data_draft.answer(known, question, st.session_state[key])
