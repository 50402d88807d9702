"""Each target of the Makefile that runs a module runs something."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
MODULES = re.findall(r"python -m ((?:tests|bench)[\w.]+)", (ROOT / "Makefile").read_text())


def test_the_makefile_runs_our_modules():
    assert {"bench.run", "bench.kills", "tests.api.fuzz"} <= set(MODULES)


@pytest.mark.parametrize("module", MODULES)
def test_a_module_does_its_work_when_it_is_run(module: str):
    text = (ROOT / f"{module.replace('.', '/')}.py").read_text()
    assert text.count('\nif __name__ == "__main__":\n    ') == 1
