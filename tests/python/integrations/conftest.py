"""What the tests beside other libraries share: a runtime to read, and the standard library's own tests.

The latter are in the `test` package of this Python, or in Debian's, which python-tests.sh unpacks; the path to them is known here, before
any file of this folder is imported, so that none depends on another's turn.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import stealscope as ss

_UNPACKED = Path(__file__).parents[3] / "build/debian/usr/lib" / "python{}.{}".format(*sys.version_info) / "test"
if _UNPACKED.exists():
    importlib.import_module("test").__path__.append(str(_UNPACKED))


@pytest.fixture(scope="module")
def measured() -> Iterator[ss.Runtime]:
    """A runtime at rest after some work, with histograms, so that two readings are the same."""
    with ss.Runtime(workers=2, histograms="default", name="measured") as runtime:
        runtime.run(ss.workloads.fib(15))
        runtime.handle.metrics(settled=True)
        yield runtime
