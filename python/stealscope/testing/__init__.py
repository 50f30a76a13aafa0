"""Tools to test a scheduling policy, a program or a runtime: laws, strategies, a state machine, a pytest plugin.

`check_invariants` and `schedule_in_words` need nothing but this package; the strategies, `RuntimeMachine` and the profiles
need Hypothesis, the plugin pytest: ``pip install 'stealscope[testing]'``. Read next: ``docs/testing.md``, `laws.py`,
`strategies.py`, `machine.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .laws import LAWS, Law, check_invariants
from .words import schedule_in_words

if TYPE_CHECKING:
    from .machine import RuntimeMachine
    from .profiles import load_profile
    from .strategies import dags, faults, policies, programs, schedules, topologies, workloads

__all__ = [
    "LAWS",
    "Law",
    "RuntimeMachine",
    "check_invariants",
    "dags",
    "faults",
    "load_profile",
    "policies",
    "programs",
    "schedule_in_words",
    "schedules",
    "topologies",
    "workloads",
]

_FROM = {"RuntimeMachine": "machine", "load_profile": "profiles"}


def __getattr__(name: str) -> Any:
    """What needs Hypothesis is imported when it is first asked for.

    Raises:
        MissingExtra: Hypothesis is not installed.
    """
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    from ..errors import import_extra

    import_extra("hypothesis", "testing")
    return getattr(import_module(f"{__name__}.{_FROM.get(name, 'strategies')}"), name)
