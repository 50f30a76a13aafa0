#!/usr/bin/env bash
# Builds the site in build/docs: guides, notebooks as they ran, reference, metrics. Warnings are errors. Needs no network.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
bash scripts/notebooks.sh --if-changed
# The variable keeps the theme's note about MkDocs 2, which pyproject.toml excludes, out of the log.
NO_MKDOCS_2_WARNING=1 "$python" -m mkdocs build --quiet --clean
if grep -rlE '<(script|link|img)[^>]*(src|href)="?(https?:)?//' build/docs --include='*.html' | head -n 5 | grep .; then
  fail "these pages of build/docs would load something from the network"
fi
say "build/docs/index.html"
