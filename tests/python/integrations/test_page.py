"""The page about integrations: every block runs as it stands, in order; it names each logger that the package uses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "integrations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
SAMPLES = {
    "dask": "dask",
    "joblib": "joblib",
    "prometheus": "prometheus_client",
    "opentelemetry": "opentelemetry.sdk",
    "tokio_console": "grpc",
}


@pytest.mark.needs_metrics
@pytest.mark.timeout(300)  # imports six libraries
def test_the_blocks_run_as_they_stand_and_their_assertions_hold() -> None:
    for library in (*SAMPLES.values(), "numba"):
        pytest.importorskip(library, reason=f"{library} is not installed; the extras of the page bring it")
    names: dict[str, Any] = {"__name__": "page"}  # the block that starts processes is guarded; test_dask.py starts some
    for block in BLOCKS:
        exec(block, names)


def test_every_logger_of_the_package_is_on_the_page() -> None:
    sources = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "python" / "stealscope").rglob("*.py"))
    for name in re.findall(r"getLogger\(\"([\w.]+)\"\)", sources):
        assert f"| `{name}` |" in PAGE


def test_every_integration_is_on_the_page() -> None:
    modules = {path.stem for path in (ROOT / "python" / "stealscope" / "integrations").glob("[!_]*.py")}
    assert set(SAMPLES) <= modules
    assert all(re.search(rf"\b{module}\b", PAGE) for module in modules)
