"""What all Python tests share: Hypothesis profiles, and which tests a build without a feature leaves out.

Invariant: a test is left out here only because of the build under test (``stealscope.features()``) or the chosen profile. One that lacks
something (another library, a compiler, Python's own tests) skips itself and says what is missing. Read next: README.md in this folder.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from stealscope.testing import load_profile

_profile = load_profile()

_feature_of_marker = {"metrics": "unstable_metrics", "dump": "taskdump", "timeline": "timeline"}


def _features() -> dict[str, bool]:
    """The build options of the installed package; all on when it has no way to tell."""
    import stealscope

    answer = stealscope.features()
    if isinstance(answer, Mapping):
        return {name: bool(answer[name]) for name in _feature_of_marker.values()}
    return {name: name in answer for name in _feature_of_marker.values()}


def _left_out(item: pytest.Item, features: dict[str, bool]) -> bool:
    for short, feature in _feature_of_marker.items():
        if item.get_closest_marker(f"needs_{short}") and not features[feature]:
            return True
        if item.get_closest_marker(f"without_{short}") and features[feature]:
            return True
    return item.get_closest_marker("stress") is not None and _profile != "stress"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Deselects, so that the summary counts them, the tests that the present build or profile is not for."""
    marked = [item for item in items if any(True for _ in item.iter_markers())]
    if not marked:
        return
    names = {f"{kind}_{short}" for kind in ("needs", "without") for short in _feature_of_marker}
    asks = any(marker.name in names for item in marked for marker in item.iter_markers())
    features = _features() if asks else dict.fromkeys(_feature_of_marker.values(), True)
    out = [item for item in marked if _left_out(item, features)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in out]


def pytest_report_header() -> str:
    """Names the profile in the first lines, so that a log can be repeated."""
    return f"hypothesis profile: {_profile} (HYPOTHESIS_PROFILE=dev|ci|stress)"
