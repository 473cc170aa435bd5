# Structure Studio: `make app` starts it, `make test` tests it. Both install first where needed.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
APP_STAMP := $(VENV)/.installed
TEST_STAMP := $(VENV)/.installed-tests
# One more than there are cores: tests wait for browsers and processes a third of their time.
JOBS ?= $(shell $(PYTHON) -c "import os; print(1 + (os.cpu_count() or 1))")
ARGS ?=

.PHONY: help install app test lint bench trials starter screenshots

help:
	@echo "make app      install where needed and start the page (ARGS='--dataset DIR' passes options on)"
	@echo "make install  make .venv and install requirements.txt"
	@echo "make test     install what the tests need and run them all (ARGS='-k name' passes options on)"
	@echo "make lint     check the code with ruff"
	@echo "make bench    measure what watches for change, and what moved since (ARGS=page measures one, ARGS=--all everything)"
	@echo "make trials   use the product hard for an hour and count what is lost"
	@echo "make starter  train the starter model and its adapter again, from nothing, and print its scores"
	@echo "make screenshots  take the README's pictures again"

install: $(APP_STAMP)

$(APP_STAMP): requirements.txt scripts/install.py
	$(PYTHON) scripts/install.py app
	@touch $@

$(TEST_STAMP): $(APP_STAMP) requirements-dev.txt
	$(PYTHON) scripts/install.py tests
	@touch $@

app: $(APP_STAMP)
	$(RUN) app.py $(ARGS)

test: $(TEST_STAMP)
	$(RUN) -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

lint: $(TEST_STAMP)
	$(RUN) -m ruff check .

bench: $(TEST_STAMP)
	$(RUN) -m benchmarks $(ARGS)

trials: $(TEST_STAMP)
	$(RUN) -m trials $(ARGS)

starter: $(APP_STAMP)
	$(RUN) -m acestep.starter make $(ARGS)
	$(RUN) -m benchmarks codec training control

screenshots: $(TEST_STAMP)
	$(RUN) scripts/screenshots.py
