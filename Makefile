PYTHON ?= python3
HOST := 127.0.0.1
PORT ?= 8000
ARGS ?=

VENV := .venv/bin/python
LOCK := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-strip-extras

.DEFAULT_GOAL := help
.PHONY: help run test lint lock venv venv-dev

help: ## list the targets
	@sed -n 's/^\([a-z]*\): .*## /make \1 - /p' Makefile

run: venv ## install what is missing and serve; HOST=127.0.0.1 PORT=8000
	@TUNIXRT_OPEN=1 exec $(VENV) manage.py serve --first-run --host $(HOST) --port $(PORT)

test: ## run every test on SQLite and on PostgreSQL; ARGS="-k word" goes to pytest
	@exec $(PYTHON) scripts/test.py $(ARGS)

lint: venv-dev ## check style, types, templates, migrations, deployment settings and workflows
	$(VENV) -m ruff check
	$(VENV) -m ruff format --check
	$(VENV) -m mypy .
	$(VENV) -m djlint --check --lint --quiet templates
	$(VENV) manage.py makemigrations --check --dry-run
	TUNIXRT_URL=https://tunix-rt.example.org \
	TUNIXRT_SECRET_KEY=$$($(VENV) -c "import secrets; print(secrets.token_urlsafe(64))") \
	$(VENV) manage.py check --deploy --fail-level WARNING
	$(VENV) -m check_jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml

lock: venv-dev ## resolve the locks anew; ARGS=--upgrade takes newer versions
	$(LOCK) $(ARGS) requirements.in --output-file requirements.txt
	$(LOCK) $(ARGS) --constraints requirements.txt requirements-dev.in --output-file requirements-dev.txt

venv:
	@$(PYTHON) scripts/install.py requirements.txt

venv-dev:
	@$(PYTHON) scripts/install.py requirements-dev.txt
