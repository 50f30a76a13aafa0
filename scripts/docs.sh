#!/usr/bin/env bash
# Writes the reference page of every public name to build/docs, from the installed package's docstrings.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
mkdir -p build/docs
modules=$("$python" - <<'PY'
import pkgutil
import stealscope

print("stealscope")
for module in pkgutil.walk_packages(stealscope.__path__, "stealscope."):
    if not any(part.startswith("_") for part in module.name.split(".")):
        print(module.name)
PY
)
(cd build/docs && for module in $modules; do "$python" -m pydoc -w "$module" >/dev/null; done)
say "build/docs/stealscope.html"
