# Everything the README asks for. Each target makes the environment it needs.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/bin
JOBS   ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu)

.PHONY: demo test quick lint lab site slides release clean
.DEFAULT_GOAL := help

help:
	@echo "make demo     release, a sample class, jailed grading, gradebook, feedback, report"
	@echo "make test     everything that CI checks: all tests, style, types, imports, the audit"
	@echo "make quick    what can be checked in about a minute: no sandbox, notebook or browser"
	@echo "make lab      JupyterLab on the start page"
	@echo "make site     the course as pages, in build/site"
	@echo "make slides   the walkthroughs as slides, in build/slides"
	@echo "make release  make assignments/ from solutions/"
	@echo "make clean    remove what demos, tests and builds have produced"

# The tested versions, from constraints.txt; pyproject.toml has the ranges that may work.
$(VENV)/ready: pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		--constraint constraints.txt --editable '.[dev]'
	@touch $@

demo: $(VENV)/ready
	$(BIN)/autograder demo

# One worker per core is enough: torch's own threads would only compete.
test quick: export OMP_NUM_THREADS = 1
test: lint
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal
	$(BIN)/autograder audit

quick: lint
	$(BIN)/python -m pytest --numprocesses $(JOBS) --dist worksteal \
		-m "not (jail or notebooks or browser or slow)"

# mypy keeps a cache: its first run takes the better part of a minute, later ones a few seconds.
lint: $(VENV)/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# Jupyter's question about its news would cover the corner where a check names the mistake.
lab: $(VENV)/ready
	$(BIN)/jupyter lab --ServerApp.root_dir=. --LabApp.news_url=None course/00_start_here.ipynb

# Notebooks are run once, and again when one of their cells or the library changes.
site: $(VENV)/ready
	rm -rf build/site
	$(BIN)/sphinx-build --quiet --fail-on-warning --keep-going \
		--conf-dir docs/site --doctree-dir build/doctrees . build/site
	@echo "build/site/index.html"

slides: $(VENV)/ready
	rm -rf build/slides
	$(BIN)/python docs/site/slides.py

release: $(VENV)/ready
	for folder in solutions/*/; do $(BIN)/autograder release "$$(basename $$folder)" || exit 1; done

clean:
	rm -rf class/demo build .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis
