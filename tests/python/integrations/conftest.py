"""Where are the standard library's own tests? In the `test` package of this Python, or in Debian's, which python-tests.sh unpacks.

Invariant: done here, before any file of this folder is imported, so that none depends on another's turn.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

_UNPACKED = Path(__file__).parents[3] / "build/debian/usr/lib" / "python{}.{}".format(*sys.version_info) / "test"
if _UNPACKED.exists():
    importlib.import_module("test").__path__.append(str(_UNPACKED))
