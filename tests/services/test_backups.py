"""Backups as a service: who may, the line in the audit trail, the daily one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.errors import ConflictError, ForbiddenError
from experiments_core.services import auditing, backups
from experiments_core.services.auditing import Asked
from experiments_core.services.experiments import create_experiment
from experiments_core.services.verifying import verify
from experiments_core.services.workspace import Workspace, open_workspace
from tests.services.conftest import Clock


@pytest.fixture
def on_disk(tmp_path: Path, clock: Clock) -> Iterator[Workspace]:
    clock.now = datetime.now(UTC)
    with open_workspace(tmp_path, clock=clock) as ws:
        yield ws


def test_an_admin_makes_one_and_the_trail_says_so(on_disk: Workspace):
    made = backups.make_backup(on_disk, LOCAL)
    assert backups.list_backups(on_disk, LOCAL) == [made]
    (line,) = auditing.read_audit(on_disk, LOCAL, Asked(verb="backup"))
    assert (line.object, line.object_id, line.actor) == ("workspace", made.file.name, "local")
    for act in (backups.make_backup, backups.list_backups):
        with pytest.raises(ForbiddenError):
            act(on_disk, Actor("jo", Role.EDITOR))


def test_a_workspace_in_memory_has_no_file(ws: Workspace):
    with pytest.raises(ConflictError) as refused:
        backups.make_backup(ws, LOCAL)
    assert refused.value.code == "NO_FILE"
    assert backups.backup_if_due(ws) is None


def test_one_a_day_is_made_when_something_has_changed(on_disk: Workspace, clock: Clock):
    assert backups.backup_if_due(on_disk) is None
    clock.wait(hours=25)
    first = backups.backup_if_due(on_disk)
    assert first is not None
    clock.wait(hours=25)
    assert backups.backup_if_due(on_disk) is None  # only its own line in the trail is new
    create_experiment(on_disk, LOCAL, ExperimentDraft("New"))
    assert backups.backup_if_due(on_disk) is not None
    assert backups.backup_if_due(on_disk) is None
    actors = {line.actor for line in auditing.read_audit(on_disk, LOCAL, Asked(verb="backup"))}
    assert actors == {"backup"}


def test_a_sound_workspace_is_found_sound(on_disk: Workspace):
    create_experiment(on_disk, LOCAL, ExperimentDraft("New"))
    found = verify(on_disk, LOCAL)
    assert [check.name for check in found] == [
        "tables", "references", "audit trail", "sequence", "backup",
    ]  # fmt: skip
    assert all(check.ok for check in found), found
    with pytest.raises(ForbiddenError):
        verify(on_disk, Actor("jo", Role.EDITOR))


def test_each_fault_is_named(on_disk: Workspace):
    made = backups.make_backup(on_disk, LOCAL)
    create_experiment(on_disk, LOCAL, ExperimentDraft("New"))
    with on_disk.db.write() as cursor:
        cursor.execute("UPDATE audit SET actor = 'nobody' WHERE seq = 2")
        cursor.execute("INSERT INTO overrides VALUES ('gone', 'u', 'a', 'x', now()::TIMESTAMP)")
    made.file.write_bytes(made.file.read_bytes()[:-1] + b"x")
    faults = {check.name: check.told for check in verify(on_disk, LOCAL) if not check.ok}
    assert faults == {
        "references": "1 of overrides",
        "audit trail": "event 2 is not as it was written",
        "backup": f"{made.file.name} is not what was verified",
    }
