"""Do the papers' claims hold in our simulator? Runs every script of this folder and prints one table.

Exit status 1 if the direction of a claim fails. Read next: README.md.
"""

from __future__ import annotations

import argparse
import sys
from importlib import import_module

from claims import shown, status

__all__ = ["SCRIPTS", "main"]

SCRIPTS = (
    "hendler_shavit_2002",
    "mitzenmacher_1998",
    "gast_gaujal_2010",
    "tchiboukdjian_2013",
    "gast_khatiri_2018",
    "berenbrink_2003",
    "arora_blumofe_plaxton",
    "tokio_lifo_and_interval",
    "simpy_ratio",
)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and few replications, in a minute or two")
    quick = parser.parse_args().quick
    rows = []
    for name in SCRIPTS:
        print(f"{name} ...", file=sys.stderr, flush=True)
        rows += import_module(name).measure(quick)
    print(shown(rows))
    return status(rows)


if __name__ == "__main__":
    sys.exit(main())
