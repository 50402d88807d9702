# The one door: setup · run · test · check · fuzz · full · bench · calibrate · lock
PYTHON ?= python3
BIN := .venv/bin
PORT ?= $(or $(UPSHOT_PORT),8501)

.PHONY: setup run check test fuzz full bench calibrate lock screenshots pictures clean kills story
.DEFAULT_GOAL := run

# A stamp is newer than the pins it installed; changing the pins installs again.
.venv/%.stamp: requirements/%.txt pyproject.toml
	@$(PYTHON) requirements/preflight.py
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --require-hashes -r $<
	$(BIN)/python -m pip install --disable-pip-version-check --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup: .venv/run.stamp

run: setup
	@UPSHOT_PORT=$(PORT) $(BIN)/upshot serve --sample

check: .venv/dev.stamp
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	PYTHONPATH=. $(BIN)/lint-imports --no-logo
	@$(BIN)/python tests/budget.py

test: check
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto --dist loadfile
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --skip-covered --show-missing --fail-under=90

fuzz: .venv/dev.stamp
	PYTHONPATH=. $(BIN)/python -m tests.fuzz.run $(or $(FILES),20000) $(or $(SEED),1)
	PYTHONPATH=. $(BIN)/python -m tests.api.fuzz $(or $(CASES),100000)

full: .venv/dev.stamp
	PYTHONPATH=. $(BIN)/python -m tests.reliability.import_kills --rows $(or $(ROWS),5000000) --kills $(or $(KILLS),10)

bench: .venv/bench.stamp
	PYTHONPATH=. $(BIN)/python -m bench.run $(UNITS)

kills: .venv/dev.stamp
	PYTHONPATH=. $(BIN)/python -m bench.kills $(ROUNDS)

story: .venv/dev.stamp
	PYTHONPATH=. $(BIN)/python -m bench.story $(USERS)

calibrate: .venv/dev.stamp
	PYTHONPATH=. $(BIN)/python -m tests.calibration.run

screenshots: .venv/dev.stamp
	$(BIN)/python -m pytest tests/browser/test_screenshots.py -q

pictures: .venv/dev.stamp
	PYTHONPATH=. $(BIN)/python -m tests.browser.pictures

lock:
	uv pip compile pyproject.toml --group build $(LOCK) -o requirements/run.txt
	uv pip compile pyproject.toml --group build --group dev -c requirements/run.txt $(LOCK) -o requirements/dev.txt
	uv pip compile pyproject.toml --group build --group dev --group bench -c requirements/dev.txt $(LOCK) -o requirements/bench.txt
LOCK := --quiet --upgrade --universal --fork-strategy fewest --python-version 3.11 \
	--generate-hashes --no-emit-index-url --no-header

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
