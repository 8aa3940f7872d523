# Everything runs in .venv, made from pyproject.toml and constraints.txt. Start with `make repro` or `make test`.
PYTHON ?= python3
VENV   := .venv
MP_ENV := .venv-mediapipe
BIN    := $(CURDIR)/$(VENV)/bin
PORT   ?= 5000
# `dvc exp run` for a selection of experiments: see `python -m stages.params.run --help`.
SELECT  = python -m stages.params.run $(if $(MODELS),--models '$(MODELS)') \
	$(if $(filter-out undefined,$(origin ABLATIONS)),--ablations '$(ABLATIONS)') $(foreach change,$(SET),--set '$(change)')
SEEDS3  = 4321,4322,4323

# Stages find the environment's programs first; nothing reports usage anywhere.
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help env repro run tables publish prefect node sweep test lint format ui clean mediapipe

help:  ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(VENV)/.installed  ## make the environment (.venv)

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

repro: env  ## reproduce the default experiments (dvc repro), then show the tables
	dvc repro
	$(MAKE) --no-print-directory publish
	hanet tables
	@echo "The report: $(CURDIR)/data/reports/index.html"

run: env  ## run EXPERIMENT=name of params.yaml, or several (a,b); with SEEDS=, MODELS=, ABLATIONS=, SET='key=value'
	$(SELECT) --seeds '$(SEEDS)' -- '$(EXPERIMENT)'
	$(MAKE) --no-print-directory publish
	hanet tables
	@echo "params.yaml names $(EXPERIMENT) under run now; git checkout params.yaml goes back to the default run"

tables: env  ## the default experiments with three seeds (or SEEDS=...; MODELS=, ABLATIONS=, SET= as for make run)
	$(SELECT) --seeds '$(or $(SEEDS),$(SEEDS3))' --default --name tables
	$(MAKE) --no-print-directory publish
	hanet tables

publish: env  ## put every result of dvc.lock into MLflow, also those of stages that were skipped
	dvc repro --quiet --force --single-item publish summarise
	dvc repro --quiet report

prefect: env  ## serve Prefect on http://127.0.0.1:4200 (or PREFECT_PORT=...): runs from a page; Ctrl-C ends all
	exec python -m pipeline.server.serve

node: env  ## be a GPU node of the Prefect server at PREFECT_API_URL (docs/gpu-node.md); Ctrl-C ends all
	exec python -m pipeline.node.worker

mediapipe: $(MP_ENV)/.installed  ## make MediaPipe's own environment (.venv-mediapipe), for `hanet estimate VIDEO`

$(MP_ENV)/.installed: constraints-mediapipe.txt
	$(PYTHON) -m venv $(MP_ENV)
	$(MP_ENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints-mediapipe.txt mediapipe
	touch $@

sweep: env  ## mark Prefect's runs whose process is gone as crashed, remove old work trees
	PREFECT_API_URL="$${PREFECT_API_URL:-http://127.0.0.1:$${PREFECT_PORT:-4200}/api}" python -m pipeline.server.sweep

# Two files of tests at a time, each with one thread: two trainings with all threads slow each other down many times.
test: env  ## run all tests with coverage
	OMP_NUM_THREADS=1 python -m pytest --numprocesses 2 --dist loadfile --cov --cov-report=term --cov-fail-under=90

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
	rm -rf $(VENV) $(MP_ENV) .pytest_cache .ruff_cache .hypothesis .coverage* *.egg-info
