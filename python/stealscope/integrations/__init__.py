"""How do other libraries run on a runtime, or read its figures? One module a library, named after it.

Invariant: nothing here is imported by ``import stealscope``; a module imports its library when it is imported or first used, and
raises `MissingExtra` if it is not installed. Read next: `dask.py` (graphs), `joblib.py` (parallel calls), `prometheus.py` and
`opentelemetry.py` (figures), `tokio_console.py` (tasks in a terminal).
"""

from __future__ import annotations

__all__: list[str] = []
