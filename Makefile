# One plain command for each thing a person wants. Each sets itself up first; nothing is installed outside this folder.
MINUTES ?= 10
.PHONY: help demo test check stress bench notebooks docs format lint clean

help: ## this list
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/^([a-z]+):.*## /make \1\t/' | expand -t 18

demo: ## run a real task graph on the scheduler and print its metrics
	@bash scripts/setup.sh
	@.venv/bin/python -m stealscope tour

test: ## build and run the C++ and Python tests
	@bash scripts/setup.sh dev
	@status=0; \
	bash scripts/cpp-tests.sh dev unit model || status=1; \
	bash scripts/python-tests.sh || status=1; \
	exit $$status

check: ## lint and test, what a change has to pass; says what the explorer ran through
	@bash scripts/setup.sh dev
	@bash scripts/check.sh

stress: ## look for rare failures for MINUTES=10 minutes
	@bash scripts/setup.sh dev
	@bash scripts/stress.sh --minutes $(MINUTES)

lint: ## layout, mistakes, types; changes nothing
	@bash scripts/setup.sh dev
	@bash scripts/lint.sh

format: ## lay out every file
	@bash scripts/setup.sh dev
	@bash scripts/format.sh

bench: ## compare with Tokio, other native runtimes and Python's own on the same workloads
	@bash scripts/setup.sh dev
	@.venv/bin/python benchmarks/run.py

notebooks: ## run every notebook from start to end, into build/notebooks
	@bash scripts/setup.sh notebook
	@bash scripts/notebooks.sh

docs: ## build the site in build/docs: guides, notebooks, reference
	@bash scripts/setup.sh notebook docs
	@bash scripts/docs.sh

clean: ## forget every build; .venv too
	rm -rf build dist .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
