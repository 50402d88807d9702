"""Send the API what nobody would: generated cases against its own OpenAPI document.

``PYTHONPATH=. python -m tests.api.fuzz 2000`` sends about 2,000 cases and exits with 1 if an
answer was a 5xx or was not in the document.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from experiments_core.domain.access import LOCAL
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.services import experiments, keys, workspace
from experiments_core.services.workspace import open_workspace
from tests.api.live import served

CHECKS = (
    "not_a_server_error", "status_code_conformance", "content_type_conformance",
    "response_headers_conformance", "response_schema_conformance", "missing_required_header",
    "unsupported_method", "allow_header_conformance",
)  # fmt: skip
UNLIMITED = dict.fromkeys(("management", "compute", "assign", "events", "sign_in"), 10**9)
SEED = 20261128


def fuzz(cases: int, *, seed: int = SEED) -> tuple[int, int, str]:
    """Send about so many cases; return the exit code, how many were sent, and the report."""
    with open_workspace(":memory:") as ws, tempfile.TemporaryDirectory() as folder:
        ws.settings = replace(ws.settings, rate_limits=UNLIMITED)
        workspace.use(ws)
        experiments.create_experiment(ws, LOCAL, ExperimentDraft("Shorter checkout"))
        token = keys.create_key(ws, LOCAL, "fuzz", role="admin").secret
        with served() as url:
            operations = _operations(url)
            report = Path(folder) / "report.json"
            told = subprocess.run(
                [
                    str(Path(sys.executable).with_name("st")), "run", f"{url}/openapi.json",
                    "-H", f"Authorization: Bearer {token}", "-c", ",".join(CHECKS),
                    "--phases", "fuzzing", "-n", str(max(1, cases // operations)),
                    "--seed", str(seed), "--no-shrink", "--continue-on-failure",
                    "--suppress-health-check", "all", "--warnings", "off",
                    "--report", "ndjson", "--report-ndjson-path", str(report),
                ],
                capture_output=True, text=True, check=False, cwd=folder,
            )  # fmt: skip
            sent = _sent(told.stdout)
    return told.returncode, sent, told.stdout + told.stderr


def _operations(url: str) -> int:
    import urllib.request  # noqa: PLC0415  only here

    with urllib.request.urlopen(f"{url}/openapi.json") as answer:  # noqa: S310  loopback
        document = json.load(answer)
    return sum(len(methods) for methods in document["paths"].values())


def _sent(report: str) -> int:
    """Read from the summary how many cases were generated."""
    found = re.search(r"([\d,]+) generated", report)
    return int(found[1].replace(",", "")) if found else 0


if __name__ == "__main__":
    code, number, text = fuzz(int(sys.argv[1]) if len(sys.argv) > 1 else 2_000)
    print(text)  # noqa: T201  a script
    print(f"{number} cases")  # noqa: T201
    sys.exit(code)
