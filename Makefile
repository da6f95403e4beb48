# Needs Python 3.11 or newer and GNU make; everything else is installed into .venv from the hash-locked requirements.

PYTHON ?= python3
BIN := .venv/bin
PYPROJECTS := $(wildcard libs/*/pyproject.toml services/*/pyproject.toml systems/*/pyproject.toml) examples/demo/pyproject.toml
COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 --no-emit-index-url \
	--custom-compile-command "make lock"
RELEASED := protos/released/v1.binpb

# Without byte code each of the many processes of a demo or a test run compiles everything anew: 1.5 s of CPU each.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help
.PHONY: help setup stubs reference lint check format breaking test isolated demo up bench lock clean

help: ## list the targets
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/\1\t\2/' | expand -t 12

setup: .venv/.stamp-own ## make .venv with everything locked and the project's own distributions, editable

.venv/.stamp-locked: requirements/dev.txt
	$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed" if sys.version_info < (3, 11) else 0)'
	@echo "安装到 .venv，约需 1 至 2 分钟 / installing into .venv, about 1 to 2 minutes …"
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

.venv/.stamp-own: .venv/.stamp-locked $(PYPROJECTS)
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --no-deps --no-build-isolation \
		$(addprefix -e ,$(patsubst %/,%,$(dir $(PYPROJECTS))))
	touch $@

stubs: setup ## generate libs/contract from protos/
	$(BIN)/python tools/generate_stubs.py

reference: setup ## generate what the documentation repeats of the code
	$(BIN)/python tools/generate_reference.py
	$(BIN)/python tools/generate_standard_pages.py

lint: setup breaking ## style, types, the contract, its stubs, and who may import whom
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/buf lint
	$(BIN)/buf format --diff --exit-code --path protos/xietong
	$(BIN)/python tools/generate_stubs.py --check
	$(BIN)/python tools/generate_reference.py --check
	$(BIN)/python tools/generate_standard_pages.py --check
	$(BIN)/lint-imports --no-logo

check: lint ## the fast part: lint, unit and architecture tests
	$(BIN)/pytest tests/unit tests/architecture

format: setup ## format code and protos, and mend what the linter can
	$(BIN)/ruff check --fix-only
	$(BIN)/ruff format
	$(BIN)/buf format --write --path protos/xietong

# A release of the contract stores its image: buf build --path protos/xietong --exclude-source-info -o $(RELEASED)
# From then on every change must stay compatible with it, file by file.
breaking: setup ## compare the contract with the last released one
	$(if $(wildcard $(RELEASED)),$(BIN)/buf build --path protos/xietong -o - | $(BIN)/buf breaking - --against $(RELEASED),\
		@echo "no released contract to compare with yet")

test: lint ## everything: lint, then all tests
	$(BIN)/pytest tests

isolated: setup ## install each service alone, with nothing but what it declares
	$(BIN)/python tools/check_isolated_installs.py

demo: setup ## let a case travel through all five services; MEDIA=1GiB adds a video of that size
	$(BIN)/python -m xietong_demo $(if $(MEDIA),--media $(MEDIA))

up: setup ## start the five services and the console until Ctrl-C; STATE=var/demo shows what the demo left
	$(BIN)/python -m xietong_demo up $(if $(STATE),--state $(STATE))

.venv/.stamp-bench: requirements/bench.txt .venv/.stamp-own
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	touch $@

bench: setup .venv/.stamp-bench ## measure, beside rsync and RabbitMQ; QUICK=1 for the main rows in five minutes
	$(BIN)/python -m bench $(if $(QUICK),--quick)

lock: setup ## compile requirements/*.in into hash-locked *.txt
	$(COMPILE) --upgrade requirements/runtime.in --output-file requirements/runtime.txt
	$(COMPILE) --upgrade requirements/build.in --constraint requirements/runtime.txt --output-file requirements/build.txt
	$(COMPILE) --upgrade requirements/dev.in --output-file requirements/dev.txt
	$(COMPILE) --upgrade requirements/bench.in --output-file requirements/bench.txt

clean: ## remove what was built and what the services wrote (.venv and var)
	rm -rf .venv var .mypy_cache .pytest_cache .ruff_cache .import_linter_cache .hypothesis
