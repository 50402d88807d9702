"""SQL over HTTP: the published views of one's own organisation, and nothing else."""

from __future__ import annotations

import pytest

from experiments_core.domain.access import Actor, Role
from experiments_core.services import keys
from experiments_core.services.workspace import Workspace
from tests.api.conftest import Client


def test_sql_reads_the_published_views(api: Client, sampled: Workspace):
    assert sampled is not None
    api.get("/experiments?verdict=better")  # takes the looks
    asked = {"sql": "SELECT e.slug, r.metric, r.n FROM results r JOIN experiments e "
                    "ON e.id = r.experiment_id ORDER BY ALL"}  # fmt: skip
    data = api.post("/sql", asked).json()["data"]
    assert data["columns"] == ["slug", "metric", "n"]
    assert data["rows"]
    assert data["truncated"] is False
    many = api.post("/sql", {"sql": "SELECT * FROM range(100001)"}).json()["data"]
    assert (len(many["rows"]), many["truncated"]) == (100_000, True)
    odd = "SELECT 'nan'::DOUBLE, DATE '2026-05-04', [1, NULL], {'a': 1.5}, 2::UTINYINT"
    assert api.post("/sql", {"sql": odd}).json()["data"]["rows"] == [
        [None, "2026-05-04", [1, None], {"a": 1.5}, 2]
    ]


@pytest.mark.parametrize(
    "sql",
    (
        "DROP TABLE experiments",
        "SELECT 1; SELECT 2",
        "SELECT * FROM users",
        "SELECT * FROM api_keys",
        "SELECT * FROM upshot.main.users",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "COPY experiments TO '/tmp/x.csv'",
        "ATTACH '/tmp/x.duckdb'",
        "INSTALL httpfs",
        "SET memory_limit = '10GB'",
        "SELECT getenv('HOME')",
        "CREATE TABLE x AS SELECT 1",
        "PRAGMA database_list",
        "SELECT",
        "nonsense",
    ),
)
def test_sql_refuses_everything_else(api: Client, ws: Workspace, sql: str):
    answer = api.post("/sql", {"sql": sql})
    assert answer.status_code == 422, answer.text
    with ws.db.read() as cursor:
        assert cursor.execute("SELECT count(*) FROM experiments").fetchone() == (0,)


def test_sql_shows_the_own_organisation_only(api: Client, ws: Workspace, sampled: Workspace):
    assert sampled is ws
    other = Actor("x", Role.ADMIN, "other")
    token = keys.create_key(ws, other, "foreign", role="admin").secret
    own = {"Authorization": f"Bearer {token}"}
    for view in ("experiments", "variants", "phases", "looks", "results", "imports"):
        answer = api.post("/sql", {"sql": f"SELECT * FROM {view}"}, headers=own)
        assert answer.json()["data"]["rows"] == []
