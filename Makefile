# Everything runs in .venv, made from pyproject.toml and constraints.txt. Start with `make repro` or `make test`.
PYTHON ?= python3
VENV   := .venv
BIN    := $(CURDIR)/$(VENV)/bin
PORT   ?= 5000

# Stages find the environment's programs first; nothing reports usage anywhere.
export PATH := $(BIN):$(PATH)
export DVC_NO_ANALYTICS := 1
export MLFLOW_DISABLE_TELEMETRY := true
export DO_NOT_TRACK := 1

.DEFAULT_GOAL := help
.PHONY: help env repro publish test lint format ui clean

help:  ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / {printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

env: $(VENV)/.installed  ## make the environment (.venv)

$(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	touch $@

repro: env  ## reproduce the default experiments (dvc repro), then show the tables
	dvc repro
	python -m stages.publish
	hanet tables

publish: env  ## put every result of dvc.lock into MLflow, also those of stages that were skipped
	python -m stages.publish

test: env  ## run all tests with coverage
	python -m pytest --cov --cov-report=term --cov-fail-under=90

lint: env  ## check style, imports and types
	ruff check .
	ruff format --check .
	pyright

format: env  ## rewrite the code in the project's style
	ruff check --fix .
	ruff format .

ui: env  ## serve MLflow on http://127.0.0.1:5000 (or PORT=...)
	MLFLOW_SERVER_ENABLE_JOB_EXECUTION=false mlflow server --host 127.0.0.1 --port $(PORT) \
		--backend-store-uri "$${MLFLOW_TRACKING_URI:-sqlite:///$(CURDIR)/mlflow.db}"

clean:  ## remove the environment and caches of tools; data stay
	rm -rf $(VENV) .pytest_cache .ruff_cache .hypothesis .coverage* *.egg-info
