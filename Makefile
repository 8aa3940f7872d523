# Everything runs in .venv, made from pyproject.toml and constraints.txt. Start with `make repro` or `make test`.
PYTHON ?= python3
VENV   := .venv
MP_ENV := .venv-mediapipe
TOOLS  := .venv-tools
BIN    := $(CURDIR)/$(VENV)/bin
PORT   ?= 5000
# `dvc exp run` for a selection of experiments: see `python -m stages.params.run --help`.
SELECT  = python -m stages.params.run $(if $(MODELS),--models '$(MODELS)') \
	$(if $(filter-out undefined,$(origin ABLATIONS)),--ablations '$(ABLATIONS)') $(foreach change,$(SET),--set '$(change)')
# A DVC that was killed can leave a file that stops every later one.
MEND    = @python -m pipeline.repository.rwlock
SEEDS3  = 4321,4322,4323
# Every package at one version, in a file whose hash is known. Packages without a wheel are built with the setuptools
# of constraints-build.txt, which is installed first.
INSTALL = -m pip install --quiet --disable-pip-version-check --no-build-isolation
LOCK    = $(TOOLS)/bin/uv pip compile --quiet --universal --python-version 3.11.5 --generate-hashes --no-annotate \
	--custom-compile-command 'make lock' $(foreach name,$(UPGRADE),--upgrade-package $(name))

BAD_PYTHON = "make env needs Python 3.11.5 to 3.13, $(PYTHON) is %d.%d.%d; name another one: make env PYTHON=python3.12"

# Stages find the environment's programs first; nothing reports usage anywhere.
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help env repro verify run tables general domains publish prefect node sweep test fuzz kill-test lint format docs ui \
	clean mediapipe lock audit licences article

help:  ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(VENV)/.installed  ## make the environment (.venv)

$(VENV)/.installed: pyproject.toml constraints.txt constraints-build.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:3]; sys.exit(0 if (3, 11, 5) <= v < (3, 14) else $(BAD_PYTHON) % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python $(INSTALL) --require-hashes -r constraints-build.txt
	$(BIN)/python $(INSTALL) --require-hashes -r constraints.txt
	PYTHONWARNINGS=ignore $(BIN)/python $(INSTALL) --no-deps -e .
	touch $@

repro: env  ## reproduce the default experiments (dvc repro), then show the tables
	$(MEND)
	dvc repro
	$(MAKE) --no-print-directory publish
	hanet tables
	@echo "The report: $(CURDIR)/data/reports/index.html"
	python -m stages.verify

verify: env  ## compare the results with the committed reference (docs/results/reference)
	python -m stages.verify

run: env  ## run EXPERIMENT=name of params.yaml, or several (a,b); with SEEDS=, MODELS=, ABLATIONS=, SET='key=value'
ifeq ($(strip $(EXPERIMENT)),)
	@python -m stages.params.run --list
else
	$(MEND)
	$(SELECT) --seeds '$(SEEDS)' -- '$(EXPERIMENT)'
	$(MAKE) --no-print-directory publish
	hanet tables
	@echo "params.yaml names $(EXPERIMENT) under run now; git checkout params.yaml goes back to the default run"
endif

tables: env  ## the default experiments with three seeds (or SEEDS=...; MODELS=, ABLATIONS=, SET= as for make run)
	$(MEND)
	$(SELECT) --seeds '$(or $(SEEDS),$(SEEDS3))' --default --name tables
	$(MAKE) --no-print-directory publish
	hanet tables

general: env  ## train the general refiner on MOTION=folder (SEED=, VARIANT=, STEPS=, DOMAIN=; docs/general.md)
	python -m stages.general '$(MOTION)' '$(or $(OUTPUT),data/models/general)' $(if $(SEED),--seed $(SEED)) \
	$(if $(VARIANT),--variant $(VARIANT)) $(if $(STEPS),--steps $(STEPS)) $(if $(DOMAIN),--domain $(DOMAIN))

domains: env  ## score filters and the general refiner on real detections in FOLDER=folder (TRAINED=; docs/general.md)
	python -m stages.domains '$(FOLDER)' $(if $(TRAINED),'$(TRAINED)')

publish: env  ## put every result of dvc.lock into MLflow, also those of stages that were skipped
	$(MEND)
	dvc repro --quiet --force --single-item publish summarise
	dvc repro --quiet report

prefect: env  ## serve Prefect on http://127.0.0.1:4200 (or PREFECT_PORT=...): runs from a page; Ctrl-C ends all
	exec python -m pipeline.server.serve

node: env  ## be a GPU node of the Prefect server at PREFECT_API_URL (docs/gpu-node.md); Ctrl-C ends all
	exec python -m pipeline.node.worker

docs: env  ## build the documentation site into site/
	NO_MKDOCS_2_WARNING=1 mkdocs build --strict
	@echo "The site: $(CURDIR)/site/index.html"

article: env  ## build the replication article (docs/article) from the committed tables
	python -m docs.tools.article

mediapipe: $(MP_ENV)/.installed  ## make MediaPipe's own environment (.venv-mediapipe), to compare LiteRT with it

$(MP_ENV)/.installed: constraints-mediapipe.txt constraints-build.txt
	$(PYTHON) -m venv $(MP_ENV)
	$(MP_ENV)/bin/python $(INSTALL) --require-hashes -r constraints-build.txt
	$(MP_ENV)/bin/python $(INSTALL) --require-hashes -r constraints-mediapipe.txt
	touch $@

# MediaPipe 0.10.21 is the last release whose package holds the pose model. It needs numpy<2 and protobuf<5, which the
# project's environment cannot have.
lock: $(TOOLS)/.installed  ## pin every package with hashes (constraints*.txt); UPGRADE='name ...' takes newer releases
	$(LOCK) --all-extras pyproject.toml --output-file constraints.txt
	printf 'pip\nsetuptools\n' | $(LOCK) --constraint constraints.txt - --output-file constraints-build.txt
	echo 'mediapipe==0.10.21' | $(LOCK) - --output-file constraints-mediapipe.txt
	printf 'pip-audit\nuv\n' | $(LOCK) - --output-file constraints-tools.txt

audit: $(TOOLS)/.installed  ## look for known vulnerabilities in the pinned packages (asks the package index)
	$(TOOLS)/bin/python -m docs.tools.audit constraints.txt constraints-mediapipe.txt

licences: env  ## list the licences of all pinned packages in docs/licences.md
	python -m docs.tools.licences

$(TOOLS)/.installed: constraints-tools.txt
	$(PYTHON) -m venv $(TOOLS)
	$(TOOLS)/bin/python $(INSTALL) --require-hashes -r constraints-tools.txt
	touch $@

sweep: env  ## mark Prefect's runs whose process is gone as crashed, remove old work trees
	PREFECT_API_URL="$${PREFECT_API_URL:-http://127.0.0.1:$${PREFECT_PORT:-4200}/api}" python -m pipeline.server.sweep

# Four files of tests at a time, as some wait for servers, the slow ones first. Every further process spends half a
# minute on imports. Each has one thread: trainings with all threads slow each other down many times. Coverage counts
# the tests' own processes alone: in the hundreds of processes that they start, counting makes imports up to 1.6 times
# as long.
test: env  ## run all tests with coverage
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 4 --dist loadfile --no-loadscope-reorder --cov --cov-report=term --cov-fail-under=90

fuzz: env  ## read 100,000 damaged files per reader (CASES=...); goes on where it was stopped
	OMP_NUM_THREADS=1 python -m tests.faults.fuzz $(if $(CASES),--cases $(CASES))

kill-test: env  ## kill trainings, refinements, exports, calibrations and graphs 500 times (KILLS=... per program)
	HANET_KILLS=$(or $(KILLS),100) OMP_NUM_THREADS=1 python -m pytest tests/faults/test_kills.py

lint: env  ## check style, the floors of imports and types
	ruff check .
	ruff format --check .
	lint-imports
	pyright

format: env  ## rewrite the code in the project's style
	ruff check --fix .
	ruff format .

ui: env  ## serve MLflow on http://127.0.0.1:5000 (or PORT=...)
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --host 127.0.0.1 --port $(PORT) \
		--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}"

clean:  ## remove the environments and caches of tools; data stay
	rm -rf $(VENV) $(MP_ENV) $(TOOLS) .pytest_cache .ruff_cache .hypothesis .coverage* *.egg-info
