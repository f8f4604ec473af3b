# `make` alone lists the targets. Everything is installed into .venv, once; a requirements file that
# changes is installed again.

PYTHON ?= python3
ARGS ?=

VENV := .venv
PY := $(VENV)/bin/python

SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help app test figures weights bench kernel default-scene site docs lint js clean gpu test-gpu venv ready ready-dev

help: ## Show this list
	@echo "Usage: make TARGET [PYTHON=python3.12] [ARGS='...']"
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

app: ready ## Start the app on http://127.0.0.1:8501; ARGS goes to streamlit
	@$(PY) -m streamlit run app.py $(ARGS)

# Most tests compile a program and run it for a moment: XLA takes a third of the time where it need not look for fast code.
# One instruction set, so that they run the same code on every machine: without optimisation, that for AVX-512 was wrong.
# In one piece: split for several threads, a small program takes half as much work again.
COMPILE_QUICKLY := --xla_backend_optimization_level=0 --xla_cpu_use_fusion_emitters=false --xla_cpu_max_isa=AVX2 \
	--xla_cpu_parallel_codegen_split_count=1
# What takes longer to compute than to compile: nearly the fastest code, in a fifth less of compiling.
COMPILE_WELL := --xla_backend_optimization_level=1 --xla_cpu_parallel_codegen_split_count=1
# As many processes as cores: one thread each, none that waits for another.
ONE_THREAD := NPROC=1 OPENBLAS_NUM_THREADS=1

test: lint js ## Lint, types, import rules, JavaScript checks, pytest; ARGS goes to pytest
	@trap 'exit 130' INT; status=0; \
	XLA_FLAGS="$(COMPILE_QUICKLY) $$XLA_FLAGS" $(ONE_THREAD) \
	$(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal -m "not browser and not computes" $(ARGS) || test $$? -eq 5 || status=1; \
	XLA_FLAGS="$(COMPILE_WELL) $$XLA_FLAGS" $(ONE_THREAD) \
	$(PY) -m pytest -n auto --maxprocesses 4 --dist worksteal -m "computes and not browser" $(ARGS) || test $$? -eq 5 || status=1; \
	XLA_FLAGS="$(COMPILE_QUICKLY) $$XLA_FLAGS" $(ONE_THREAD) \
	$(PY) -m pytest -n 3 --dist worksteal -m browser $(ARGS) || test $$? -eq 5 || status=1; \
	exit $$status  # the browsers apart, each with a server of its own, one more than keep two cores busy, and always

figures: ready ## Draw every figure into out/figures
	@$(PY) -m toy figure all --out out/figures $(ARGS)

weights: ready ## Train the shipped networks again
	@$(PY) -m models.zoo $(ARGS)

bench: ready ## Measure the speed budgets
	@$(PY) -m toy bench $(ARGS)

kernel: ready ## Build the browser's kernel from its sources (needs node and npm)
	@$(PY) -m toy.browser.kernel $(ARGS)

default-scene: ready ## Compute again what the app shows first
	@$(PY) -m toy.viewer.default $(ARGS)

site: ready ## Write the explorer as pages for any static host into out/site
	@$(PY) -m toy site --out out/site $(ARGS)

docs: ready-dev ## Draw the pictures of the README into docs (needs chromium)
	@$(PY) -m toy figure all --out docs/figures --format png $(ARGS)
	@$(PY) -m toy.ui.picture docs/explore.png

lint: ready-dev ## Ruff, mypy and the import rules
	@$(PY) -m ruff check
	@$(PY) -m ruff format --check
	@$(PY) -m mypy
	@$(VENV)/bin/lint-imports

js: # Standard input keeps `node --check` independent of file names: the viewer is made of ES modules.
	@if ! command -v node >/dev/null 2>&1; then \
		echo "Skipped: the JavaScript checks, because node is not installed."; exit 0; \
	fi; \
	for file in toy/viewer/web/*.js toy/viewer/web/*.mjs toy/browser/web/*.js toy/site/web/*.js; do \
		test -e "$$file" || continue; \
		node --check --input-type=module - < "$$file" || { echo "$$file: syntax error" >&2; exit 1; }; \
	done; \
	set --; \
	for file in tests/js/*.test.mjs; do test -e "$$file" && set -- "$$@" "$$file"; done; \
	if test $$# -gt 0; then node --test "$$@"; fi

gpu: venv ## Install JAX for NVIDIA GPUs (Linux) into .venv
	@$(call install,requirements.txt requirements-gpu.txt,gpu)

# What computes: arrays, networks, rules, samplers, measures.
GPU_TESTS := $(patsubst %,tests/test_%.py,authors authors_cfg degradations densities drawn ensemble extensions flows \
	guidance identities mechanism metrics mlp quadrature sampling scenes schedules training)

test-gpu: gpu ready-dev ## Run the numeric tests on an NVIDIA GPU (Linux); fails where there is none
	@$(PY) -c 'import sys, jax; sys.exit("JAX finds no GPU" if jax.default_backend() != "gpu" else 0)'
	@XLA_PYTHON_CLIENT_PREALLOCATE=false $(PY) -m pytest -n 0 -m "not browser" $(GPU_TESTS) $(ARGS)

clean: ## Remove what was made, except .venv
	rm -rf out .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -not -path './$(VENV)/*' -prune -exec rm -rf {} +

# A .venv that works is kept. One that was left half-made, or whose Python is gone, is made anew:
# `.installing` is there only while pip works, or after it was killed.
venv:
	@if test ! -e $(VENV)/.installing && $(PY) -c 'import pip; $(SUPPORTED)' >/dev/null 2>&1; then exit 0; fi; \
	command -v $(PYTHON) >/dev/null 2>&1 || { \
		echo "$(PYTHON) was not found: install Python 3.11 to 3.13, or name it with PYTHON=..." >&2; exit 1; }; \
	$(PYTHON) -c '$(SUPPORTED)' || { \
		echo "$$($(PYTHON) --version) is not supported: use Python 3.11 to 3.13, for example PYTHON=python3.12" >&2; \
		exit 1; }; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) has no venv module: install it (on Debian and Ubuntu: apt install python3-venv)" >&2; exit 1; }; \
	if test -e $(VENV); then echo "$(VENV) is incomplete: making it anew"; else echo "Making $(VENV)"; fi; \
	$(PYTHON) -m venv --clear $(VENV)

ready: venv
	@$(call install,requirements.txt,app)

ready-dev: venv
	@$(call install,requirements.txt requirements-dev.txt,dev)

# $(call install,FILES,NAME) installs the last of FILES unless .venv/.installed-NAME holds the same text.
# Each file starts with requirements.txt, so the app is then ready too.
install = \
	if cat $(1) | cmp -s - $(VENV)/.installed-$(2); then exit 0; fi; \
	echo "Installing $(lastword $(1)) into $(VENV)"; \
	trap 'exit 130' INT TERM; \
	touch $(VENV)/.installing; \
	$(PY) -m pip install --disable-pip-version-check --no-input -r $(lastword $(1)); status=$$?; \
	if test $$status -lt 128; then rm -f $(VENV)/.installing; fi; \
	if test $$status -ne 0; then \
		echo "$(lastword $(1)) was not installed: see pip's message above" >&2; exit $$status; fi; \
	cat $(1) > $(VENV)/.installed-$(2); \
	cat requirements.txt > $(VENV)/.installed-app
