# make lab   start the course in JupyterLab        make test   prove it right
PYTHON ?= python3
LAB_ARGS ?=
comma := ,

# Versions are those in requirements.lock; the other two prove what pyproject.toml promises to
# users who install without it, each in an environment beside the usual one.
LATEST ?=
LOWEST ?=
# What proves once more what quicker tests prove, such as one-line faults in each solution.
ALL ?=
VENV := .venv$(if $(LATEST),-latest)$(if $(LOWEST),-lowest)
PY := $(VENV)/bin/python
LOCK := requirements.lock
# More workers than cores: most of what tests of servers do is wait. A browser's few tests take
# longest: in the order of the folders, none of them begins last.
PYTEST := $(PY) -m pytest -q -n 5 --dist loadfile --no-loadscope-reorder

# The tests start a thousand Pythons: each would compile all it imports.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help lab site test versions lint check chapters notebooks exercises faults bench lock \
	pythons tools clean same-python
.DELETE_ON_ERROR:

help:
	@echo "make lab        open the course in JupyterLab (LAB_ARGS=\"--no-browser --port 8899\")"
	@echo "make site       make the static pages in site/"
	@echo "make test       run what proves the project right, with the versions in $(LOCK) (ALL=1: all of it;"
	@echo "                LATEST=1: with the newest of everything; LOWEST=1: with the oldest allowed)"
	@echo "make lock       renew $(LOCK)"
	@echo "make pythons    prove several Pythons, in one table (PYTHONS=\"python3.11 python3.15\")"
	@echo "make notebooks  refresh the chapters from the library, execute them, and say what they teach"
	@echo "make exercises  make exercises/ again from solutions/"
	@echo "make faults     count the faults that the conformance suite notices"
	@echo "make bench      measure the library beside others (seventeen minutes, on an idle Linux machine)"
	@echo "make tools      list the programs for authors and reviewers (RUN=\"failure_modes\": run one)"
	@echo "make clean      remove the virtual environments (never course/, your own work)"

lab: $(VENV)/lab.stamp
	@$(PY) -m socketlab lab $(LAB_ARGS)

site: $(VENV)/site.stamp
	@$(PY) -m socketlab author site

# What a newer linter finds is no fault of what users get.
test: versions $(if $(LATEST)$(LOWEST),,lint) check

# What the tests are about to prove, where it is not what the lock says.
versions: $(VENV)/test.stamp
	$(if $(LATEST)$(LOWEST),@$(PY) -m pip list --disable-pip-version-check --format=freeze)

lint: $(VENV)/test.stamp
	$(PY) -m ruff check
	$(PY) -m ruff format --check
	$(PY) -m mypy

# The chapters' cells are tests, too: one run, so that no worker waits at the end of each of two.
check: $(VENV)/test.stamp
	$(PYTEST) $(if $(ALL),,-m "not thorough") --nbval --nbval-current-env tests notebooks

chapters: $(VENV)/test.stamp
	$(PYTEST) --nbval --nbval-current-env notebooks

notebooks: $(VENV)/test.stamp
	$(PY) -m socketlab author refresh
	$(PY) -m socketlab author execute
	$(PY) -m socketlab author coverage

exercises: $(VENV)/test.stamp
	$(PY) -m socketlab author exercises

faults: $(VENV)/test.stamp
	$(PY) -m tools.library_faults

bench: $(VENV)/test.stamp
	$(PY) -m benchmarks

# One file for every supported Python and system: lines that differ name theirs.
lock: $(VENV)/test.stamp
	$(PY) -m uv pip compile --quiet --upgrade --universal --python-version 3.11 --all-extras \
		--no-annotate --custom-compile-command "make lock" --output-file $(LOCK) pyproject.toml

pythons:
	@$(PYTHON) tools/pythons.py $(or $(PYTHONS),$(error Name them: make pythons PYTHONS="python3.11 python3.15"))

tools: $(VENV)/test.stamp
	@$(PY) -m tools$(if $(RUN),.$(RUN))

clean:
	rm -rf .venv .venv-*

# The stamps tell a whole environment from one whose making was interrupted: they go before
# anything is installed, and what has none is made again from the start.
$(VENV)/made.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "minisocketserver needs Python 3.11 or newer, and '$(PYTHON)' is not one."; \
		echo "Name another: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }
	@case '$(CURDIR)' in *:*) \
		echo "Python makes no environment in a folder whose path has a colon: $(CURDIR)"; \
		echo "Move the project to another folder, or clone it there."; exit 1;; esac
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(CURDIR)/$(VENV) could not be made: you need the right to write there, some 500 MB,"; \
		echo "and Python's venv module (Debian and Ubuntu: apt install python3-venv)."; exit 1; }
	@touch $@

ifneq ($(LATEST),)
install = $(PY) -m pip install $(QUIETLY) --upgrade --upgrade-strategy eager
else ifneq ($(LOWEST),)
install = $(PY) -m pip install $(QUIETLY) uv && \
	$(PY) -m uv pip install --quiet --python $(PY) --resolution lowest-direct
else
# uv installs the same versions in a fraction of the time. It doesn't read pip's settings, such as a
# mirror, so where it finds nothing, pip has a try.
UV := $(shell command -v uv)
install = { $(if $(UV),,$(with_pip) uv &&) $(or $(UV),$(PY) -m uv) pip install --quiet --python $(PY) \
	--constraint $(LOCK) --build-constraint $(LOCK) -e '.[$(1)]' 2>/dev/null; } || $(with_pip)
endif
# Old and new pips differ in which of the two holds for what a build needs.
with_pip = PIP_CONSTRAINT=$(LOCK) PIP_BUILD_CONSTRAINT=$(LOCK) $(PY) -m pip install $(QUIETLY)
QUIETLY := --quiet --disable-pip-version-check

define installed
	@echo "Installing into $(VENV): a minute or so, the first time."
	@rm -f $(VENV)/*.stamp
	@$(call install,$(1)) -e '.[$(1)]'
	@touch $(VENV)/made.stamp $(VENV)/lab.stamp $(2)
endef

# Who names a Python must not believe that it runs while another one does.
same-python: | $(VENV)/made.stamp
ifeq ($(origin PYTHON),command line)
	@test "$$($(PY) -V)" = "$$($(PYTHON) -V)" || { \
		echo "$(VENV) has $$($(PY) -V), and '$(PYTHON)' is another: nothing was done."; \
		echo "To change: make clean $(MAKECMDGOALS) PYTHON=$(PYTHON)"; exit 1; }
endif

$(VENV)/lab.stamp: pyproject.toml $(LOCK) | same-python
	$(call installed,lab)

$(VENV)/site.stamp: pyproject.toml $(LOCK) | same-python
	$(call installed,lab$(comma)site,$(VENV)/site.stamp)

$(VENV)/test.stamp: pyproject.toml $(LOCK) | same-python
	$(call installed,test,$(VENV)/site.stamp $(VENV)/test.stamp)
