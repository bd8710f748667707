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

# Of `make metaworld`.
TRACK ?= 165
EPISODES ?= $(if $(filter 165,$(TRACK)),165,660)
WORLD := .cache/metaworld/$(TRACK)
DEMOS := .cache/metaworld/$(if $(filter 165,$(TRACK)),track-165,more-0)

.PHONY: demo test lint train set-up browser osmesa metaworld
.DEFAULT_GOAL := demo

demo: set-up
	$(BIN)/vlp demo

# Three processes of one thread each, of which one or the other waits for a disk or a server: with more threads
# than cores in each, small models take ten times as long. Lint runs beside them: it takes one core alone.
test: set-up browser osmesa
	@$(MAKE) --no-print-directory lint & lint=$$!; \
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 3 --dist loadfile; tests=$$?; \
	wait $$lint && exit $$tests

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

# Meta-World draws its pictures with it.
osmesa:
	@ldconfig -p | grep -q libOSMesa.so.8 \
	|| { test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	     && apt-get update -qq && apt-get install -y -qq libosmesa6 >/dev/null; } \
	|| echo "no OSMesa is to be had: the tests of Meta-World are skipped" >&2

# Collects a track's episodes where they are missing, trains all models on them for so many minutes, the model
# of video and action for two thirds of it, and runs the protocol; called again, it goes on.
metaworld: set-up osmesa
	test -d $(DEMOS) || $(BIN)/vlp collect --world metaworld --out $(DEMOS) --episodes $(EPISODES) \
		--kind $(if $(filter 165,$(TRACK)),expert,mixed) --first-seed $(if $(filter 165,$(TRACK)),0,10000)
	$(BIN)/vlp train world --data $(DEMOS) --cache $(WORLD) --minutes $$(( $(MINUTES) * 2 / 3 ))
	$(BIN)/vlp train world-policy --data $(DEMOS) --cache $(WORLD) --minutes $$(( $(MINUTES) / 9 ))
	$(BIN)/vlp train world-vlm --data $(DEMOS) --cache $(WORLD) --minutes $$(( $(MINUTES) / 9 ))
	$(BIN)/vlp train bc --world metaworld --data $(DEMOS) --cache $(WORLD) --minutes $$(( $(MINUTES) / 9 ))
	$(BIN)/vlp bench metaworld --track $(TRACK) --models $(WORLD)/world/nano/weights --bc $(WORLD)/bc/weights \
		--out runs/metaworld-$(TRACK)

set-up: $(STAMP)

$(STAMP): pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'
	touch $@
