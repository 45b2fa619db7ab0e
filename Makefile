# Everything a developer runs. All it assumes is Python 3.11 or newer with `venv`, and make.

PYTHON ?= python3
BIN := .venv/bin
SYNCED := .venv/.synced
# Feeds' files that the demo takes, too, and its port, e.g. `make demo PORT=8080 FEED=prematch.zip`.
FEED ?=
PORT ?= 8000
# The replay's season and tenant, e.g. `make replay SEASON=../shared/data/football-data/1819`.
SEASON ?= ../shared/data/football-data/2122
TENANT ?= acme
# How long each feed's parser is fuzzed.
SECONDS ?= 300
# How long the scrapers' story goes on.
MINUTES ?= 10
# How many processes are killed while how many bets are placed; a seed to have it again.
KILLS ?= 200
BETS ?= 50000
SEED ?=
# The big book to measure on: where its servers live, and how much of it.
DATA ?= .state/bench-data
DATA_PLAYERS ?= 1000000
DATA_BETS ?= 5000000

# uv works in the environment made below and with its Python: it neither looks for another
# interpreter nor downloads one, and an environment that happens to be active is not touched.
export UV_PROJECT_ENVIRONMENT := .venv
export UV_PYTHON_DOWNLOADS := never
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME
# Images set this so that a layer stays small; each of a demo's eight processes, and of the suite's
# hundreds, would compile every module anew: twice the work of a start.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help demo setup replay test pictures kill scrapers pooled stories numbers fuzz hostile bench bench-data bench-resettle test-kill check fmt clean

help: ## say what there is
	@grep -E '^[a-z-]+:.*## ' Makefile | sed -E 's/:.*## /\t/'

demo: $(SYNCED) ## a moving market, two bookmakers, players: http://acme.localhost:8000 (PORT=, FEED=)
	$(BIN)/overround demo --port $(PORT) $(addprefix --feed ,$(FEED))

setup: $(SYNCED) ## create .venv and install what uv.lock names

$(SYNCED): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "Overround needs Python 3.11 or newer: make PYTHON=/path/to/python3.11 setup" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "Python's venv module is missing: apt-get install -y python3-venv" >&2; exit 1; }
	@test -x $(BIN)/python && $(BIN)/python -c '' || $(PYTHON) -m venv --clear .venv
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet 'uv>=0.13,<1'
	$(BIN)/python -m uv sync --frozen --no-managed-python --python $(BIN)/python
	@touch $@

replay: $(SYNCED) ## walk one real season through the whole flow (SEASON=, TENANT=)
	$(BIN)/overround replay "$(SEASON)" --tenant $(TENANT)

# Each of the two processes has servers of its own; a file stays in one, with what it shares.
test: $(SYNCED) ## the whole suite, on the embedded servers
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

pictures: $(SYNCED) ## the README's pictures anew, from a running demonstration; wants Chromium
	mkdir -p docs/pictures
	OVERROUND_PICTURES=docs/pictures $(BIN)/python -m pytest -q tests/pages/test_journey.py -k readme

kill: $(SYNCED) ## kill every process of a demo, and replays of a real season; minutes
	$(BIN)/python -m pytest -m kill tests/kill

# The seed is printed; what is proved is in docs/proofs.md.
test-kill: $(SYNCED) ## bets under fire: processes killed at random (KILLS=, BETS=, SEED=); minutes
	KILLS=$(KILLS) BETS=$(BETS) SEED=$(SEED) $(BIN)/python -m pytest -m kill tests/kill/test_under_fire.py

scrapers: $(SYNCED) ## three browser scrapers feed one hub while things go wrong (MINUTES=); wants Chromium
	$(BIN)/python -m tests.scrapers.story --minutes $(MINUTES)

# Left out: what opens 64 transactions at once, and watches the server's processes wait by number.
pooled: $(SYNCED) ## the API's tests by way of PgBouncer in transaction mode; wants pgbouncer
	POOLED=1 $(BIN)/python -m pytest -n 2 --dist loadfile tests/web tests/people tests/betting \
	  --ignore=tests/betting/test_races.py

stories: $(SYNCED) ## what takes browsers and many processes minutes
	$(BIN)/python -m pytest -m story

numbers: $(SYNCED) ## ten thousand examples of every property of the numbers; minutes
	$(BIN)/python -m pytest --hypothesis-profile=numbers --timeout=0 tests/core tests/pricing tests/cli \
	  tests/betting/test_settlement_rules.py

fuzz: $(SYNCED) ## five minutes of hostile bytes for each feed's parser (SECONDS=); for the night
	$(BIN)/python -m benchmarks.fuzz_feeds --seconds "$(SECONDS)"

hostile: $(SYNCED) ## five minutes of requests that nobody should send (SECONDS=); no answer may be a 5xx
	$(BIN)/python -m benchmarks.hostile --seconds "$(SECONDS)"

bench: $(SYNCED) ## our paths against their references, in one run each
	$(BIN)/python -m benchmarks.bulk_arrays
	$(BIN)/python -m benchmarks.board_apply
	$(BIN)/python -m benchmarks.numbers

# Some 12 GB; a run that was stopped goes on where it was. For `overround bench bets --data DIR`.
bench-data: $(SYNCED) ## a book of 5 M bets and 1 M players to measure on (DATA=, DATA_BETS=, DATA_PLAYERS=)
	$(BIN)/python -m benchmarks.data --data "$(DATA)" --players $(DATA_PLAYERS) --bets $(DATA_BETS)

bench-resettle: BETS := 100000
bench-resettle: $(SYNCED) ## a season corrected and rolled back beside one that was right at once (BETS=)
	BETS=$(BETS) $(BIN)/python -m benchmarks.resettle

check: $(SYNCED) ## lint, format, types, import contracts, migrations
	$(BIN)/python -m ruff check
	$(BIN)/python -m ruff format --check
	$(BIN)/python -m pyright
	$(BIN)/lint-imports --no-logo
	@set -e; for file in src/overround/db/migrations/*.sql; do \
	  if test -e "$$file"; then $(BIN)/squawk "$$file"; fi; done

fmt: $(SYNCED) ## format, and mend what the linter can mend
	$(BIN)/python -m ruff check --fix
	$(BIN)/python -m ruff format

clean: ## remove the environment and the caches (never a state directory)
	rm -rf .venv .pytest_cache .ruff_cache .import_linter_cache .hypothesis dist
	find src tests -name __pycache__ -type d -prune -exec rm -rf {} +
