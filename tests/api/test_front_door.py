"""The one process: start, addresses, guards, and a clean end."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from experiments_core.store.opening import open_database
from tests.servers import Server, free_port, start_server, stop_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = start_server(tmp_path_factory.mktemp("door"), sample=False)
    yield running
    stop_server(running)


def ask(server: Server, path: str, **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    connection.request("GET", path, headers=headers)
    answer = connection.getresponse()
    found = {name.lower(): value for name, value in answer.getheaders()}
    body = answer.read()
    connection.close()
    return answer.status, found, body


def test_health_answers_with_the_version(server: Server):
    status, _, body = ask(server, "/api/v1/health")
    assert status == 200
    assert json.loads(body)["data"]["status"] == "ok"


@pytest.mark.parametrize(
    "path",
    ("/api", "/api/", "/api/v1", "/api/v1/nothing", "/api/v2/x", "/compat", "/compat/a/b"),
)
def test_an_unknown_path_below_the_api_is_a_json_404_and_never_a_page(
    server: Server, path: str
):
    status, headers, body = ask(server, path)
    assert status == 404
    assert headers["content-type"].startswith("application/json")
    assert json.loads(body)["error"]["code"] == "NOT_FOUND"


def test_a_page_answers_with_html_and_the_guarding_headers(server: Server):
    status, headers, body = ask(server, "/")
    assert status == 200
    assert b"<html" in body.lower()
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "access-control-allow-origin" not in headers


@pytest.mark.parametrize("path", ("/", "/results", "/sign-in", "/apix"))
def test_a_page_under_a_foreign_host_is_a_readable_text(server: Server, path: str):
    status, headers, body = ask(server, path, Host="upshot.example:8501")
    assert status == 400
    assert headers["content-type"].startswith("text/plain")
    assert headers["x-content-type-options"] == "nosniff"
    assert "“upshot.example:8501”" in body.decode()
    assert "UPSHOT_HOSTS" in body.decode()


@pytest.mark.parametrize(
    "path", ("/api", "/api/v1/health", "/api/v1/nothing", "/compat", "/compat/crewkit/x")
)
def test_the_api_under_a_foreign_host_is_refused_in_its_envelope(server: Server, path: str):
    status, headers, body = ask(server, path, Host="upshot.example")
    assert (status, headers["content-type"]) == (400, "application/json")
    error = json.loads(body)["error"]
    assert error["code"] == "UNKNOWN_HOST"
    assert "“upshot.example”" in error["message"]
    assert error["request_id"] == headers["x-request-id"]


@pytest.mark.parametrize("path", ("/compat/kaireon/api/v1/experiments", "/compat/stamn"))
def test_a_dialect_refuses_a_foreign_host_in_its_own_form(server: Server, path: str):
    status, headers, body = ask(server, path, Host="upshot.example")
    error = json.loads(body)["error"]
    assert (status, error["code"]) == (400, "UNKNOWN_HOST")
    assert error["requestId"] == headers["x-request-id"]
    assert "request_id" not in error


@pytest.mark.parametrize("host", ("", "127.0.0.1.example", "a@localhost", "localhost:x", "["))
def test_what_only_looks_like_a_name_of_this_machine_is_none(server: Server, host: str):
    assert ask(server, "/api/v1/health", Host=host)[0] == 400


@pytest.mark.parametrize("host", ("localhost", "LOCALHOST:1", "[::1]:8501"))
def test_every_name_of_this_machine_is_taken(server: Server, host: str):
    assert ask(server, "/api/v1/health", Host=host)[0] == 200


def test_the_openapi_document_is_served(server: Server):
    status, _, body = ask(server, "/api/v1/openapi.json")
    assert status == 200
    assert "/health" in json.loads(body)["paths"]


def test_a_second_start_on_the_same_workspace_says_who_has_it(server: Server):
    port = str(free_port())
    second = subprocess.run(
        [sys.executable, "-m", "experiments_core", "serve", "--port", port],
        env={**os.environ, "UPSHOT_WORKSPACE": str(server.workspace)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert second.returncode == 2
    assert str(server.process.pid) in second.stderr
    assert server.url in second.stderr
    assert "Traceback" not in second.stderr


@pytest.mark.parametrize("how", (signal.SIGINT, signal.SIGTERM))
def test_stopping_leaves_a_clean_file_and_one_line_was_printed(tmp_path: Path, how: int):
    running = start_server(tmp_path, sample=False)
    assert stop_server(running, how) == 0
    assert (tmp_path / "upshot.duckdb").exists()
    assert not (tmp_path / "upshot.duckdb.wal").exists()
    printed = running.log.read_text(encoding="utf-8")
    assert printed.splitlines()[0] == f"Upshot is at {running.url} (Ctrl-C stops it)"
    assert printed.splitlines()[-1] == (
        f"Upshot has stopped. Everything is in {tmp_path / 'upshot.duckdb'}."
    )
    assert "Traceback" not in printed
    assert "Aborted" not in printed


@pytest.mark.parametrize(
    ("content", "code", "sentence"),
    ((b"no database", 2, "is not a DuckDB file"), (b"cut", 3, "cannot be repaired")),
)
def test_a_file_that_cannot_be_used_is_refused_with_a_sentence_and_its_code(
    tmp_path: Path, content: bytes, code: int, sentence: str
):
    file = tmp_path / "upshot.duckdb"
    file.write_bytes(content)
    if content == b"cut":
        file.unlink()
        open_database(file).close()
        os.truncate(file, 9000)
    ended = subprocess.run(
        [sys.executable, "-m", "experiments_core", "serve", "--port", str(free_port())],
        env={**os.environ, "UPSHOT_WORKSPACE": str(tmp_path)},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ended.returncode == code
    assert sentence in ended.stderr
    assert "Traceback" not in ended.stderr
