#!/usr/bin/env bash
# Checks layout, mistakes and types without changing anything.  usage: lint.sh [ruff-format|ruff|mypy|clang-format...]
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
checks=("$@")
[ $# -gt 0 ] || checks=(ruff-format ruff mypy clang-format)

cpp_files() { git ls-files -co --exclude-standard '*.cpp' '*.hpp' | while read -r file; do [ ! -e "$file" ] || echo "$file"; done; }

failed=0
for check in "${checks[@]}"; do
  status=0
  case $check in
    ruff-format) "$python" -m ruff format --check --diff . || status=$? ;;
    ruff) "$python" -m ruff check . || status=$? ;;
    mypy) "$python" -m mypy || status=$? ;;
    clang-format) cpp_files | xargs -r "$root/.venv/bin/clang-format" --dry-run --Werror || status=$? ;;
    *) fail "lint.sh: '$check' is none of ruff-format, ruff, mypy, clang-format" ;;
  esac
  if [ "$status" -eq 0 ]; then say "$check: clean"; else failed=1 && complain "$check found something (make format mends layout)"; fi
done
exit "$failed"
