# make demo: the main job. make test: the whole suite. Both set everything up by themselves in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

export OMP_NUM_THREADS ?= 1
# Real series, where a developer has them beside the project; users set SKDISTILL_DATA or let fetch_* download.
ifneq ($(wildcard ../shared/data/ETTh1.csv),)
export SKDISTILL_DATA ?= $(abspath ../shared/data)
endif

.PHONY: demo test lint format types clean

demo: $(STAMP)
	OMP_NUM_THREADS=2 $(BIN)/python examples/quickstart.py

test: $(STAMP)
	$(BIN)/python -m pytest -n 2 --dist worksteal

lint: $(STAMP)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

format: $(STAMP)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(STAMP)
	$(BIN)/mypy

$(STAMP): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "skdistill needs Python 3.11 to 3.13; $(PYTHON) is %d.%d. Choose another: make PYTHON=python3.11 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --constraint constraints.txt --editable '.[test]'
	@touch $@

clean:
	rm -rf $(VENV) dist build .pytest_cache .mypy_cache .ruff_cache .hypothesis
