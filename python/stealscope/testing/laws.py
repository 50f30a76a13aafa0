"""Which laws of the scheduler does a report keep?

Each law is a function over a `Run` (a report and, where there is one, its event log): it yields a sentence with numbers for
each breach. `LAWS` is the register, in the order of the letters: S safety, A accounting, F order, L liveness, P bounds.
Invariant: a law is checked only where the report can decide it; the names that `check_invariants` returns say which were.

Checked elsewhere, because no report can decide them: S4, S5, S6, S8, S10, S13, S15, S16, S21 (queues, task word, parker,
shutdown: C++ model, unit and stress tests), S17, S19 (`Handle.self_check`, model tests), S22, S23, S24, L7 (dumps: C++ and
property tests), S25 (two runs: `test_simulated_programs.py`), F2 (`oracle.py`), F3, A10, L1, L2, L5, L6, L8 (C++ simulation
and unit tests), P2 to P6, P8 to P10 (`tests/python/theory`).
Read next: `_report_laws.py`, `_timeline_laws.py`, `_order_laws.py` (the laws), `_log.py` (`Run`), `_register.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from ..errors import InvariantError
from . import _order_laws, _report_laws, _timeline_laws  # noqa: F401  # they register their laws
from ._log import Run
from ._register import LAWS, Law, sort_laws

if TYPE_CHECKING:
    from ..report import Report

__all__ = ["LAWS", "Law", "check_invariants"]

_SHOWN = 5  # breaches of one law in a message

sort_laws()


def check_invariants(report: Report, *, only: Iterable[str] | None = None) -> list[str]:
    """Check every law that this report can decide.

    Args:
        report: of `Simulation.run`, `Runtime.run` or `Simulation.report`; with ``timeline=True`` it decides many more laws.
        only: names of `LAWS`; None is all.

    Returns:
        The names of the laws that were checked, in the order of `LAWS`.

    Raises:
        InvariantError: lists all broken laws with numbers, and the line that replays the run; ``error.broken`` has them by name.
        ValueError: no law of that name.
    """
    wanted = list(LAWS) if only is None else list(only)
    for name in wanted:
        if name not in LAWS:
            raise ValueError(f"only={name!r}; need one of {', '.join(LAWS)}")
    run = Run(report)
    checked = [name for name in LAWS if name in wanted and LAWS[name].applies(run)]
    broken = {name: found for name in checked if (found := list(LAWS[name].breaches(run)))}
    if broken:
        raise InvariantError(_message(report, broken, len(checked)), broken=broken, report=report)
    return checked


def _message(report: Report, broken: dict[str, list[str]], checked: int) -> str:
    many = f"{len(broken)} of {checked} laws are" if len(broken) > 1 else f"1 of {checked} laws is"
    seed = "" if report.seed is None else f", seed {report.seed}"
    lines = [f"{many} broken by {report.workload} on {report.workers} workers ({report.engine}, policy {report.policy}{seed}):"]
    for name, breaches in broken.items():
        lines.append(f"{LAWS[name].letter}: {LAWS[name].statement}  [{name}]")
        lines += [f"  - {breach}" for breach in breaches[:_SHOWN]]
        if len(breaches) > _SHOWN:
            lines.append(f"  - and {len(breaches) - _SHOWN} more")
    if report.choices:
        lines.append(f"with {report.choices}")
    if report.replay_line:
        lines.append(f"replay: {report.replay_line}")
    return "\n".join(lines)
