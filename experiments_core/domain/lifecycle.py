"""The life of an experiment: one enum, one table.

::

    draft → running ⇄ paused
            running, paused → stopped → running (a new run)
            running, paused, stopped → completed → stopped (reopen)
            draft, stopped, completed → archived → back (unarchive)
"""

from __future__ import annotations

from enum import StrEnum


class Status(StrEnum):
    """Where an experiment stands."""

    DRAFT = "draft"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    COMPLETED = "completed"
    ARCHIVED = "archived"
