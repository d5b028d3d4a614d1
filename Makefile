# Each target does all of its own set-up; python3 >= 3.11 with venv is all it needs.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PORT ?= 8000
# Extra options of `kg build`, for example: make serve BUILD='--data ../shared/data'
BUILD ?=
# A folder of third-party tables for the benchmarks.
DATA ?=

.PHONY: serve test check bench clean

serve: $(VENV)/.installed
	$(BIN)/kg build $(BUILD)
	$(BIN)/kg serve --port $(PORT)

test: $(VENV)/.installed-dev
	scripts/browser
	scripts/comunica
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile

check: $(VENV)/.installed-dev
	scripts/browser
	scripts/comunica
	scripts/check

bench: $(VENV)/.installed
	$(BIN)/python bench/build.py $(DATA)

clean:
	rm -rf $(VENV) .kg .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache

# Exactly the locked versions; the project itself is installed in place, so edits count at once.
$(VENV)/.installed: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "python3 >= 3.11 is needed; say PYTHON=python3.12 or later")'
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

$(VENV)/.installed-dev: requirements-dev.lock $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@
