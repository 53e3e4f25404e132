# Every target installs what it needs first, inside this folder. Only Maven keeps its jars elsewhere, in ~/.m2.

PYTHON := .venv/bin/python
CHRISTMAS := .venv/bin/christmas
ENV_FILE ?= deploy/.env
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --upgrade

.PHONY: help setup demo up quick test faults check check-flows flow-schema smoke mutants bench fix lock clean

help: ## List the targets.
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

setup: ## Check the needed programs, then install and build what has changed.
	@scripts/setup

demo: setup ## Play four sequences on the real engine: a week in under a minute. ONCE=1 ends by itself.
	@$(CHRISTMAS) demo

up: setup ## Start the engine, the sandbox and the door, and wait for webhooks.
	@$(CHRISTMAS) up

quick: setup ## Lint, types and unit tests, without the engine: half a minute.
	@scripts/quick

test: setup ## Run the tests on the real engine. `make faults` has the longest ones.
	@scripts/test

faults: setup ## Break things on purpose on the real engine; writes docs/reliability.md. RUNS=3 repeats.
	@scripts/faults

check: setup ## Check formatting, lint, types, the flows (by the engine) and the change log.
	@scripts/check

check-flows: setup ## Have the engine check the flows.
	@$(CHRISTMAS) flows check flows

flow-schema: setup ## Write the JSON schema of flows for editors: .data/flow.schema.json.
	@$(PYTHON) -m christmas_campaign.local.flow_schema .data/flow.schema.json

smoke: setup ## Try the real keys: reads Notion, sends one mail to Resend's test address. SMOKE=yes; ENV_FILE=deploy/.env.
	@$(CHRISTMAS) smoke --env-file $(ENV_FILE)

mutants: setup ## Change the decisions in thousands of small ways; a test must fail for each.
	@scripts/mutants

bench: setup ## Measure speed and cost, three times; writes docs/benchmarks.md. QUICK=1: once, writes nothing.
	@PYTHONPATH=tests $(PYTHON) benchmarks/measure.py $(if $(QUICK),--quick)

fix: setup ## Format, and correct what the linter can correct.
	@$(PYTHON) -m ruff check --quiet --fix src tests benchmarks
	@$(PYTHON) -m ruff format --quiet src tests benchmarks

lock: setup ## Choose newer versions of all dependencies (needs uv).
	@$(LOCK) pyproject.toml --extra cli --extra sandbox --extra door --group dev -o requirements/dev.lock
	@$(LOCK) pyproject.toml --constraint requirements/dev.lock --no-annotate --extra cli --group build -o requirements/kestra.lock
	@$(LOCK) pyproject.toml --constraint requirements/dev.lock --no-annotate --extra cli --extra door --group build -o requirements/door.lock
	@$(LOCK) --group java -o requirements/java.lock

clean: ## Remove everything that was installed, built or stored here.
	rm -rf .venv .data .coverage engine/target
