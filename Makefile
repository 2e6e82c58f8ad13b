# make demo: the main job. make test: the whole suite. make quick: its fast part. make docs: the site, in docs/_build/html.
# All set everything up by themselves in .venv.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PLOT := $(VENV)/.installed-plot
DEV := $(VENV)/.installed-dev
TEST := $(VENV)/.installed-test

export OMP_NUM_THREADS ?= 1
# Real series, where a developer has them beside the project; users set SKDISTILL_DATA or let fetch_* download.
ifneq ($(wildcard ../shared/data/ETTh1.csv),)
export SKDISTILL_DATA ?= $(abspath ../shared/data)
endif

.PHONY: demo quick lowest test docs lint format types clean
.NOTPARALLEL: # one environment, one installer at a time

demo: $(PLOT)
	$(BIN)/python -m skdistill.demo

test: $(TEST)
	$(BIN)/python -m pytest -n 2 --dist worksteal

quick: $(DEV)
	$(BIN)/python -m pytest -n 2 --dist worksteal -m "not slow"

# The same tests, and those of light extras, on the oldest versions that pyproject.toml allows of the packages it names; in an
# environment of its own, made by uv.
lowest:
	uv venv --clear --python $(PYTHON) .venv-lowest
	uv pip install --python .venv-lowest/bin/python --resolution lowest-direct --editable '.[dev,plot,calendar,dask,duckdb]'
	.venv-lowest/bin/python -m pytest -n 2 --dist worksteal -m "not slow"

lint: $(TEST)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

docs: $(TEST)
	$(BIN)/python -m sphinx -W --keep-going -b html docs docs/_build/html

format: $(TEST)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

types: $(TEST)
	$(BIN)/mypy

# A stamp per extra. As variables, the constraints also reach the environment in which the package is built:
# older versions of pip read the first there, newer ones the second.
$(VENV)/.installed-%: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v < (3, 14) else "skdistill needs Python 3.11 to 3.13; $(PYTHON) is %d.%d. Choose another: make PYTHON=python3.11 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
		$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

clean:
	rm -rf $(VENV) .venv-lowest dist build docs/_build docs/api docs/gallery .pytest_cache .mypy_cache .ruff_cache .hypothesis
