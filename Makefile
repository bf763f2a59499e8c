PYTHON ?= python3
VENV := .venv
PY := $(VENV)/bin/python
# pip works from outside the environment, so a system without ensurepip (Debian's python3 alone) is enough.
INSTALL = $(PYTHON) -m pip --disable-pip-version-check --python $(PY) install --quiet --require-hashes

.PHONY: help run test lint e2e bench messages lock
help: ## What can be asked for
	@grep -E '^[a-z0-9]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 12

run: $(VENV)/.run ## Set up the first time, make the demo, serve http://127.0.0.1:8000
	DEBUG=1 DEMO=1 $(PY) manage.py quickstart

test: $(VENV)/.dev ## The tests, on SQLite or on DATABASE_URL
	DEBUG=1 $(PY) -m pytest -n auto --dist loadfile

lint: $(VENV)/.dev ## Style, types, layers, templates, migrations, deployment checks
	$(PY) -m ruff check .
	$(PY) -m ruff format --check .
	DEBUG=1 $(PY) -m mypy
	$(VENV)/bin/lint-imports
	git ls-files 'templates/*.html' | xargs $(VENV)/bin/djade --check --target-version 5.2
	DEBUG=1 $(PY) manage.py makemigrations --check --dry-run
	SECRET_KEY=$$($(PY) -c 'import secrets; print(secrets.token_urlsafe(64))') ALLOWED_HOSTS=example.org $(PY) manage.py check --deploy --fail-level WARNING

e2e: $(VENV)/.dev ## Journeys in a real browser (Debian's chromium), at 1440 and 360 px
	DEBUG=1 $(PY) -m pytest tests/e2e

bench: $(VENV)/.dev ## Figures as ratios, in one run
	DEBUG=1 $(PY) -m tests.bench

messages: $(VENV)/.dev ## Collect and compile the Chinese catalogue (needs gettext)
	DEBUG=1 $(PY) manage.py makemessages -l zh_Hans --no-obsolete --add-location never -i .venv -i tests -i var
	DEBUG=1 $(PY) manage.py compilemessages -l zh_Hans -i .venv

lock: $(VENV)/.dev ## Pin the dependencies afresh, with hashes
	for extra in "requirements:" "requirements-production:--extra=production" "requirements-dev:--extra=production --extra=dev"; do \
	  $(PY) -m piptools compile --quiet --generate-hashes --strip-extras --allow-unsafe --no-annotate --no-header \
	    --no-emit-index-url --no-emit-find-links --no-emit-trusted-host $${extra#*:} --output-file $${extra%%:*}.txt pyproject.toml; done

$(PY):
	$(PYTHON) -m venv --without-pip $(VENV)

$(VENV)/.run: requirements.txt | $(PY)
	$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/.dev: requirements-dev.txt | $(PY)
	$(INSTALL) -r requirements-dev.txt
	@touch $@ $(VENV)/.run
