"""Under which circumstances did an experiment run? What somebody needs who wants to repeat it."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from typing import Any

import numpy as np

from . import _core
from ._content import scheduler_hash
from ._grid import Grid
from .run_report import manifest

__all__ = ["experiment_manifest"]


def experiment_manifest(grid: Grid) -> dict[str, Any]:
    """Versions, build options, compiler, platform, load, and all inputs with their content hashes; JSON-serialisable."""
    return manifest() | {
        "scheduler_sha256": scheduler_hash(),
        "numpy": np.__version__,
        "python_compiler": sys.version.partition("[")[2].rstrip("]"),
        "cpus": len(_core.usable_cpus()),
        "load_average": list(os.getloadavg()),
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "grid": grid.to_dict(),
    }
