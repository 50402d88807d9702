"""What an import has to say, on a terminal."""

from __future__ import annotations

from typing import Any

from experiments_core.analysis import words
from experiments_core.cli.terminal import say, table

SHOWN_LINES = 5


def report_text(outcome: dict[str, Any]) -> str:
    """Rows read = used + left out, arms, rules, warnings, the first rows left out."""
    report = outcome["report"]
    if not report["rows_read"]:
        return f"{outcome['file_name']}: not read yet."
    head = (
        f"{outcome['file_name']}: {words.plural(report['rows_read'], 'row')} read = "
        f"{words.count(report['rows_used'])} used + "
        f"{words.count(report['rows_left_out'])} left out"
    )
    arms = [(arm, words.count(units)) for arm, units in report["arms"].items()]
    blocks = [head, table(("arm", "units"), arms)]
    remarks = [f"· {rule['message']}" for rule in report["by_rule"]]
    remarks += [f"· {warning['message']}" for warning in report["warnings"]]
    if remarks:
        blocks.append("\n".join(remarks))
    if report["first_rejects"]:
        rows = [
            (words.count(one["line"]), one["column"], one["value"][:30], one["message"])
            for one in report["first_rejects"][:SHOWN_LINES]
        ]
        blocks.append(table(("line", "column", "value", "why"), rows, left=(1, 2, 3)))
    return "\n\n".join(blocks)


def asked(question: dict[str, Any]) -> str:
    """Ask one question until an answer fits."""
    say(f"\n{question['text']}")
    choices = question["choices"]
    for number, (value, label) in enumerate(choices, start=1):
        usual = "  (enter)" if value == question["default"] else ""
        say(f"  {number}  {label}{usual}")
    while True:
        typed = input("> ").strip()
        if not typed and question["default"]:
            return str(question["default"])
        if typed.isdecimal() and 1 <= int(typed) <= len(choices):
            return str(choices[int(typed) - 1][0])
        values = [str(value) for value, _ in choices]
        if typed in values:
            return typed
        say(f"Type a number from 1 to {len(choices)}.")
