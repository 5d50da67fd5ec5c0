PYTHON ?= python3
VENV ?= .venv
PORT ?= 8501
HOST ?= 127.0.0.1
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: app test check browser lock screenshots clean
.DEFAULT_GOAL := app

$(STAMP): requirements.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "TumorTrace needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -r requirements.txt
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e . || $(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $(STAMP)

app: $(STAMP) ## set everything up and open the app
	$(BIN)/python -m tumortrace app --port $(PORT) --host $(HOST)

test: $(STAMP) ## every test that this machine can run; browser tests need Chromium
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not gpu and not process and not browser"
	$(BIN)/python -m pytest -n 2 --dist loadfile -m "(process or browser) and not gpu"

check: $(STAMP) ## format, lint, types, import contracts and the fast tests
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m pytest

lock: $(STAMP) ## make requirements.txt anew from the ranges in pyproject.toml
	$(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --extra dev --no-emit-index-url --no-header --no-annotate pyproject.toml -o requirements.txt

screenshots: $(STAMP) ## take the pictures of docs/screenshots/ anew, light and dark, wide and narrow; needs Chromium
	$(BIN)/python -m scripts.screenshots

browser: $(STAMP) ## the tests that drive Chromium, axe among them
	$(BIN)/python -m pytest -m browser

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache build *.egg-info
