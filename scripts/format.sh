#!/usr/bin/env bash
# Lays out every C++ and Python file as the linters want it.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
git ls-files -co --exclude-standard '*.cpp' '*.hpp' | while read -r file; do [ ! -e "$file" ] || echo "$file"; done |
  xargs -r "$root/.venv/bin/clang-format" -i
"$python" -m ruff check --fix-only --quiet .
"$python" -m ruff format --quiet .
