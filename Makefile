# Everything a person does with this house. `make help` lists it.

PYTHON ?= $(or $(shell command -v python3.11),python3)
BIN := .venv/bin
PIP_INSTALL := install --quiet --quiet --disable-pip-version-check --no-input --no-deps --require-hashes
STARTED := $(shell date +%s)
# Some machines say otherwise: then every process of the stack would compile the whole house anew, 2 s of CPU each.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run demo test soak check bench bench-rush bench-scale bench-settlement format lock migration schema documents clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: .venv/runtime.stamp ## start everything on this machine: web, worker, Valkey, sandbox (PORT, DATA_DIR)
	@exec $(BIN)/python -m bff run

demo: .venv/runtime.stamp ## walk the whole journey on a stack of its own, and tell it in plain Chinese
	@$(BIN)/python -m demo

test: .venv/dev.stamp .venv-conformance/stamp ## every test, on SQLite and a real PostgreSQL, in three runs at once
	@$(BIN)/python tools/fetch_chromium.py >/dev/null || { [ $$? = 3 ] && export BROWSER_TESTS=unavailable; }; \
	mkdir -p build; \
	{ TEST_PART=waiting TEST_DATABASE=postgres $(BIN)/python -m pytest; postgres=$$?; \
	  TEST_PART=waiting TEST_DATABASE=sqlite $(BIN)/python -m pytest && [ $$postgres = 0 ]; \
	} >build/test-waiting.log 2>&1 & waiting=$$!; \
	TEST_PART=computing TEST_DATABASE=postgres $(BIN)/python -m pytest >build/test-postgres.log 2>&1 & postgres=$$!; \
	echo "== SQLite"; TEST_PART=computing TEST_DATABASE=sqlite $(BIN)/python -m pytest; sqlite=$$?; \
	wait $$postgres; postgres=$$?; echo "== PostgreSQL"; cat build/test-postgres.log; \
	wait $$waiting; waiting=$$?; \
	echo "== what waits for processes and pages: on PostgreSQL, then on SQLite"; cat build/test-waiting.log; \
	echo "== all took $$(( $$(date +%s) - $(STARTED) )) s, set-up included"; \
	[ $$sqlite = 0 ] && [ $$postgres = 0 ] && [ $$waiting = 0 ]

soak: .venv/dev.stamp ## what searches by chance, for longer: SOAK_SECONDS each (600)
	@SOAK_SECONDS=$${SOAK_SECONDS:-600} $(BIN)/python -m pytest tests/plans tests/properties

check: .venv/dev.stamp ## lint, format, types, import contracts, drift of schema, documents and migrations
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m bff schema --check
	$(BIN)/python -m bff documents --check
	$(BIN)/python -m bff migration --check

bench: .venv/dev.stamp ## CPU beside a bare route on the same PostgreSQL; writes build/bench.json
	@$(BIN)/python -m tests.bench

bench-rush: .venv/dev.stamp ## the rush at ten: claims a second, durable, beside bare routes; writes build/bench-rush.json
	@$(BIN)/python -m tests.bench.rush

bench-scale: .venv/dev.stamp ## CPU of a request in houses of 1,000 to 100,000 venues; minutes, 20 GB of disk (SCALE=small); writes build/bench-scale.json
	@$(BIN)/python -m tests.bench.scale

bench-settlement: .venv/dev.stamp ## settling up to 110,000 entries: statements, memory, standstill, longest transaction; writes build/bench-settlement.json
	@$(BIN)/python -m tests.bench.settlement

format: .venv/dev.stamp ## mend what ruff can mend
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

schema: .venv/runtime.stamp ## write schema.graphql from the code
	$(BIN)/python -m bff schema

documents: .venv/runtime.stamp ## write clients/manifest.json from the clients' files
	$(BIN)/python -m bff documents

migration: .venv/runtime.stamp ## write the next migration from the tables
	$(BIN)/python -m bff migration

UV_COMPILE = $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --custom-compile-command "make lock"

lock: .venv/dev.stamp ## resolve pyproject.toml's lists into locks with hashes
	$(UV_COMPILE) pyproject.toml -o requirements.lock
	$(UV_COMPILE) --group dev pyproject.toml -c requirements.lock -o requirements-dev.lock
	$(UV_COMPILE) --group conformance -o requirements-conformance.lock

clean: ## remove environments, caches and development data
	rm -rf .venv .venv-conformance .data build .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# One environment: `make run` needs only the runtime's lock, and the development lock adds to the same versions.
.venv/runtime.stamp: requirements.lock
	@echo "installing what the house runs on (about 15 s) …"
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' \
		|| { echo "Python 3.11 is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv .venv
	@$(BIN)/python -m pip $(PIP_INSTALL) -r $<
	@touch $@

.venv/dev.stamp: requirements-dev.lock .venv/runtime.stamp
	@echo "installing what the tests need (about 15 s) …"
	@$(BIN)/python -m pip $(PIP_INSTALL) -r $<
	@touch $@

# Not compiled: of the 36,609 files of Alipay's SDK the tests load a dozen (docs/decisions/0003).
.venv-conformance/stamp: requirements-conformance.lock
	@echo "installing the independent judges of our wire (about 10 s) …"
	@test -x .venv-conformance/bin/python || $(PYTHON) -m venv .venv-conformance
	@.venv-conformance/bin/python -m pip $(PIP_INSTALL) --no-compile -r $<
	@touch $@
