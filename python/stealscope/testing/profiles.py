"""How many examples does Hypothesis try? Three profiles: for a person who waits, for CI, and for a night.

Invariant: none has a deadline, since real threads share the machine with other work. Read next: `strategies.py`.
"""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

__all__ = ["PROFILES", "load_profile"]

_COMMON = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
PROFILES: dict[str, dict[str, object]] = {
    "dev": {"max_examples": 50, **_COMMON},
    "ci": {"max_examples": 100, "derandomize": True, **_COMMON},
    "stress": {"max_examples": 3000, **_COMMON},
}
"""By name, the settings: ``ci`` tries the same examples each time, ``stress`` thousands."""


def load_profile(name: str | None = None) -> str:
    """Register the profiles with Hypothesis and load one; call it in a ``conftest.py``.

    Args:
        name: ``"dev"``, ``"ci"`` or ``"stress"``; None: what ``HYPOTHESIS_PROFILE`` says, else ``"ci"`` where ``CI`` is set, else
            ``"dev"``.

    Returns:
        The name of the one that was loaded.

    Raises:
        ValueError: no such profile.
    """
    chosen = name or os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "dev")
    if chosen not in PROFILES:
        raise ValueError(f"profile {chosen!r}; need one of {', '.join(PROFILES)}")
    for each, values in PROFILES.items():
        settings.register_profile(each, **values)  # type: ignore[arg-type]  # one dict for settings of several types
    settings.load_profile(chosen)
    return chosen
