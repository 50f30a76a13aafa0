"""What the integrations cost those who do not use them: nothing; and what is said where a library is missing."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

LIBRARIES = {
    "dask": "dask",
    "joblib": "joblib",
    "prometheus": "prometheus_client",
    "opentelemetry": "opentelemetry",
    "console": "grpc",
}

USES = {
    "dask": "ss.Runtime(workers=1).dask_get({}, [])",
    "joblib": "import stealscope.integrations.joblib",
    "prometheus": "from stealscope.integrations import prometheus; prometheus.register()",
    "opentelemetry": "from stealscope.integrations import opentelemetry; opentelemetry.observe()",
    "console": "from stealscope.integrations import tokio_console; tokio_console.serve(ss.Runtime(workers=1))",
}


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_the_package_imports_none_of_the_libraries() -> None:
    names = sorted(LIBRARIES.values())
    assert run(f"import sys, stealscope\nprint([name for name in {names} if name in sys.modules])") == "[]\n"


@pytest.mark.parametrize("extra", LIBRARIES)
def test_a_missing_library_is_one_line_that_names_the_extra(extra: str) -> None:
    hidden = f"import sys; sys.modules[{LIBRARIES[extra]!r}] = None"  # as if it were not installed
    code = f"{hidden}\nimport stealscope as ss\ntry:\n    {USES[extra]}\nexcept ss.MissingExtra as error:\n    print(error)"
    said = run(code)
    assert said.startswith("this needs ")
    assert said.endswith(f"install it with: pip install 'stealscope[{extra}]'\n")
    assert said.count("\n") == 1


@pytest.mark.parametrize("extra", LIBRARIES)
def test_the_extra_that_is_named_exists(extra: str) -> None:
    page = (Path(__file__).parents[3] / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(page)["project"]["optional-dependencies"][extra]
