# Commands of this project; each sets up what it needs, once.
PYTHON ?= python3.11
VENV ?= .venv
PART ?= video
MINUTES ?= 30
BIN := $(VENV)/bin
STAMP := $(VENV)/.set-up

# Without these, giving pages back to the system and taking them again costs most of torch's time on a CPU.
export THP_MEM_ALLOC_ENABLE ?= 1
export MALLOC_MMAP_THRESHOLD_ ?= 1073741824
export MALLOC_TRIM_THRESHOLD_ ?= 4294967296
export MALLOC_TOP_PAD_ ?= 134217728

.PHONY: demo test lint train set-up browser
.DEFAULT_GOAL := demo

demo: set-up
	$(BIN)/vlp demo

# Two processes of one thread each: with more threads than cores, small models take ten times as long.
test: lint browser
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist loadfile

lint: set-up
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy

train: set-up
	$(BIN)/vlp train $(PART) --minutes $(MINUTES)

# The console's tests drive Chromium: one that is there, else Debian's, else the one that Playwright fetches.
browser: set-up
	@command -v chromium chromium-browser google-chrome >/dev/null \
	|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	     && apt-get update -qq && apt-get install -y -qq chromium >/dev/null; } \
	|| $(BIN)/playwright install chromium \
	|| echo "no browser is to be had: the console's tests in one are skipped" >&2

set-up: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@
