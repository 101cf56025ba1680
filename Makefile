# make lab   start the course in JupyterLab        make test   prove everything
PYTHON ?= python3
LAB_ARGS ?=
VENV := .venv
PY := $(VENV)/bin/python
comma := ,
# More workers than cores: most of what tests of servers do is wait.
PYTEST := $(PY) -m pytest -q -n 4 --dist loadfile

.PHONY: help lab site test lint check chapters notebooks exercises faults bench clean \
	same-python
.DELETE_ON_ERROR:

help:
	@echo "make lab        open the course in JupyterLab (LAB_ARGS=\"--no-browser --port 8899\")"
	@echo "make site       make the static pages in site/"
	@echo "make test       run everything that proves the project right"
	@echo "make notebooks  refresh the chapters from the library, execute them, and say what they teach"
	@echo "make exercises  make exercises/ again from solutions/"
	@echo "make faults     count the faults that the conformance suite notices"
	@echo "make bench      measure the library beside others (seventeen minutes, on an idle Linux machine)"
	@echo "make clean      remove the virtual environment (never course/, your own work)"

lab: $(VENV)/lab.stamp
	@$(PY) -m socketlab lab $(LAB_ARGS)

site: $(VENV)/site.stamp
	@$(PY) -m socketlab.authoring.site

test: lint check chapters

lint: $(VENV)/test.stamp
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

# The second run: the tables of right and wrong answers once more, as the grader tries them.
check: $(VENV)/test.stamp
	$(PYTEST) tests
	FAR=1 $(PYTEST) tests/exercises -k "wrong or right or left_in or mended or forecast"

chapters: $(VENV)/test.stamp
	$(if $(wildcard notebooks/*.ipynb),$(PYTEST) --nbval --nbval-current-env notebooks)

notebooks: $(VENV)/test.stamp
	$(PY) -m socketlab.authoring.chapters refresh
	$(PY) -m socketlab.authoring.chapters execute
	$(PY) -m socketlab.authoring.coverage

exercises: $(VENV)/test.stamp
	$(PY) -m socketlab.authoring.exercises

faults: $(VENV)/test.stamp
	$(PY) -m tests.faults

bench: $(VENV)/test.stamp
	$(PY) -m benchmarks

clean:
	rm -rf $(VENV)

# The stamps tell a whole environment from one whose making was interrupted: they go before
# anything is installed, and what has none is made again from the start.
$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "minisocketserver needs Python 3.11 or newer, and '$(PYTHON)' is not one."; \
		echo "Name another: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(CURDIR)/$(VENV) could not be made: you need the right to write there, some 500 MB,"; \
		echo "and Python's venv module (Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@touch $@

define install
	@echo "Installing into $(VENV): a minute or so, the first time."
	@rm -f $(VENV)/*.stamp
	@$(PY) -m pip install -q --disable-pip-version-check -e '.[$(1)]'
	@touch $(VENV)/made.stamp $(VENV)/lab.stamp $(2)
endef

# Who names a Python must not believe that it runs while another one does.
same-python: | $(VENV)/made.stamp
ifeq ($(origin PYTHON),command line)
	@test "$$($(PY) -V)" = "$$($(PYTHON) -V)" || { \
		echo "$(VENV) has $$($(PY) -V), and '$(PYTHON)' is another: nothing was done."; \
		echo "To change: make clean $(MAKECMDGOALS) PYTHON=$(PYTHON)"; exit 1; }
endif

$(VENV)/lab.stamp: pyproject.toml | same-python
	$(call install,lab)

$(VENV)/site.stamp: pyproject.toml | same-python
	$(call install,lab$(comma)site,$(VENV)/site.stamp)

$(VENV)/test.stamp: pyproject.toml | same-python
	$(call install,test,$(VENV)/site.stamp $(VENV)/test.stamp)
