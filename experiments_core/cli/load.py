"""``upshot import``: a CSV file becomes data of an experiment.

While a server owns the workspace, the file is laid into the inbox and the server imports it.
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from experiments_core.analysis import words
from experiments_core.cli.load_options import parser
from experiments_core.cli.operator import Server
from experiments_core.cli.place import settle
from experiments_core.cli.report import asked, report_text
from experiments_core.cli.terminal import (
    USER_ERROR,
    Progress,
    complain,
    say,
)
from experiments_core.domain.access import LOCAL
from experiments_core.domain.text import grouped
from experiments_core.errors import BusyError, InvalidInputError, Problem
from experiments_core.services.import_choices import Choices, choices_to_document
from experiments_core.services.import_run import ImportRequest, outcome_body, run_import
from experiments_core.services.workspace import open_workspace, owner
from experiments_core.settings import Settings

ENDINGS = (".csv", ".tsv", ".txt", ".gz", ".xlsx")
OPTIONS = {
    "VARIANT_COLUMN": "--variant COL",
    "OUTCOME_COLUMN": "--outcome COL or --value COL",
    "UNIT_COLUMN": "--unit COL",
    "CONTROL": "--control VALUE",
    "FINISHED": "--finished or --no-finished",
}
"""Options that answer a question without its code."""


def run(arguments: Sequence[str]) -> int:
    """Import a file, asking what it cannot say by itself."""
    options = parser().parse_args(arguments)
    settings = settle(workspace=options.workspace)
    files = [named_file(path) for path in options.file]
    choices = _choices(options)
    with ExitStack() as stack:
        names = [stack.enter_context(in_inbox(file, settings)) for file in files]
        while True:
            outcome = run_there(settings, _request(options, names, choices))
            answers = _ask(outcome) if outcome["state"] == "questions" else None
            if answers is None:
                break
            choices = replace(choices, answers={**choices.answers, **answers})
    return _tell(outcome, options)


def run_there(settings: Settings, request: ImportRequest) -> dict[str, Any]:
    """Through the server if one owns the workspace, else in this process."""
    progress = Progress()
    holder = owner(settings.workspace)
    try:
        if holder is None:
            with open_workspace(settings.workspace) as ws:
                return outcome_body(run_import(ws, LOCAL, request, progress=progress))
        if not holder.url:
            raise BusyError(
                f"{settings.workspace} is open in process {holder.pid}, which serves nothing.",
                hint="Wait until that notebook or command has ended.",
            )
        secret = settings.workspace.with_suffix(".d") / "secret"
        return Server(holder.url, secret).run_import(_request_body(request), progress)
    finally:
        progress.end()


def _request_body(request: ImportRequest) -> dict[str, Any]:
    return {
        "inbox": request.inbox,
        "more": list(request.more),
        "experiment": request.experiment,
        "new_name": request.new_name,
        "less_is_better": request.less_is_better,
        "mode": request.mode,
        "existing": request.existing,
        "mapping": choices_to_document(request.choices),
    }


def _request(
    options: argparse.Namespace, names: Sequence[str], choices: Choices
) -> ImportRequest:
    mode = "check" if options.check else "good_rows" if options.good_rows else "all"
    return ImportRequest(
        inbox=names[0],
        more=tuple(names[1:]),
        choices=choices,
        experiment=options.experiment,
        new_name=options.new,
        less_is_better=tuple(options.less_is_better) or None,
        mode=mode,
        existing="replace" if options.replace else "add",
    )


def _choices(options: argparse.Namespace) -> Choices:
    return Choices(
        variant=options.variant or "",
        unit=options.unit,
        time=options.time,
        outcomes=tuple(options.outcome),
        values=tuple(options.value),
        segments=tuple(options.segment) or None,
        covariates=tuple(options.covariate) or None,
        conversions=tuple(options.conversions),
        rates=tuple(options.rate),
        visitors=options.visitors or "",
        event=options.event or "",
        conversion_events=tuple(options.converts),
        exposure_event=options.exposure or "",
        window=options.window or "",
        shape=options.shape or "",
        zone=options.zone or "",
        experiment=options.only[0] if len(options.only) == 1 else "*" if options.only else "",
        experiments=tuple(options.only) if len(options.only) > 1 else (),
        experiment_column=options.several or "",
        control=options.control or "",
        merge_variants=dict(options.merge),
        split=options.split or {},
        finished=options.finished,
        blank=options.blank or "",
        repeats=next((rule for name, rule in options.repeats if not name), ""),
        repeats_of={name: rule for name, rule in options.repeats if name},
        crossovers=options.crossovers or "",
        answers=dict(options.answer) | ({"SHEET": options.sheet} if options.sheet else {}),
        accept_defaults=options.yes,
    )


def _ask(outcome: dict[str, Any]) -> dict[str, str] | None:
    """Ask at the terminal; None where nobody can answer."""
    if not sys.stdin.isatty():
        return None
    answers = {}
    for question in outcome["questions"]:
        if not question["choices"]:
            return None
        answers[question["field"]] = asked(question)
    return answers


def _tell(outcome: dict[str, Any], options: argparse.Namespace) -> int:
    state = outcome["state"]
    if outcome["report"] is not None:
        say(report_text(outcome))
    if state == "committed":
        say("")
        for made in outcome["experiments"]:
            used = grouped(made["rows_used"])
            say(f"Imported {used} rows into “{made['name']}” ({made['slug']}).")
        return 0
    if state in {"checked", "already"}:
        say(outcome["note"] or "\nNothing was stored: this was a check.")
        return 0
    if state == "questions":
        complain(
            "Nothing was stored: the file leaves questions open.",
            *(
                f"· {one['code']}: {one['text']}{_choices_of(one)}"
                for one in outcome["questions"]
            ),
            _how_to_answer(outcome["questions"]),
        )
        return USER_ERROR
    out = outcome["report"]["rows_left_out"]
    complain(
        f"Nothing was stored: {words.plural(out, 'row')} cannot be used.",
        f"Correct {', '.join(options.file)}, or leave them out with --good-rows.",
    )
    return USER_ERROR


def _choices_of(question: dict[str, Any]) -> str:
    """What may be answered; a column by its number and its name."""
    numbered = question["field"].startswith("role.")
    shown = [
        f"{value} = {label}" if numbered else value for value, label in question["choices"]
    ]
    return f" [{' | '.join(shown)}]" if shown else ""


def _how_to_answer(questions: Sequence[dict[str, Any]]) -> str:
    """The options that answer these questions."""
    options = [OPTIONS[one["code"]] for one in questions if one["code"] in OPTIONS]
    likely = "--yes for what is likeliest" if any(one["default"] for one in questions) else ""
    ways = ["--answer CODE=VALUE", *options, *filter(None, (likely,))]
    return f"Answer with {', '.join(ways)}."


def named_file(path: str) -> Path:
    """A file that can be read, as typed.

    Raises:
        InvalidInputError: there is none, or its ending is not read here.
    """
    file = Path(path).expanduser().resolve()
    if file.is_dir():
        raise InvalidInputError(
            f"“{path}” is a folder.",
            hint="Name a file in it.",
            details=(Problem("file", path, "TYPE", "is a folder"),),
        )
    if not file.is_file():
        raise InvalidInputError(
            f"There is no file “{path}”.",
            hint=f"The present folder is {Path.cwd()}.",
            details=(Problem("file", path, "NOT_FOUND", "no such file"),),
        )
    if file.suffix.lower() not in ENDINGS:
        raise InvalidInputError(
            f"“{file.name}” is not read here; names end in {', '.join(ENDINGS)}.",
            hint="Parquet is read by the package only: experiments_core.read_data(path)."
            if file.suffix.lower() == ".parquet"
            else "Export it as CSV.",
            details=(Problem("file", path, "UNKNOWN_CHOICE", f"one of {ENDINGS}"),),
        )
    return file


@contextmanager
def in_inbox(file: Path, settings: Settings) -> Iterator[str]:
    """Lay a file into the workspace's inbox for as long as the import takes."""
    inbox = settings.workspace.parent / "inbox"
    inbox.mkdir(parents=True, exist_ok=True)
    if file.parent == inbox.resolve():
        yield file.name
        return
    place = _free_name(inbox, file.name)
    try:
        try:
            os.link(file, place)
        except OSError:  # another disk, or a file of somebody else
            shutil.copyfile(file, place)
        yield place.name
    finally:
        place.unlink(missing_ok=True)


def _free_name(inbox: Path, name: str) -> Path:
    place, number = inbox / name.lstrip("."), 1
    while place.exists():
        number += 1
        place = inbox / f"{number}-{name.lstrip('.')}"
    return place
