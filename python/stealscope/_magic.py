"""What did the scheduler do with this cell? The cell magic ``%%steal`` of a notebook.

Invariant: the options are checked before the cell's code runs, and a wrong one is one line; what the code raises comes as from
any other cell. Read next: ``docs/notebooks.md``, `run_report.py`, `sim_report.py`.
"""

from __future__ import annotations

import ast
import importlib.util
import inspect
from argparse import BooleanOptionalAction, Namespace
from typing import Any

from . import _core
from ._watch_screens import notebook_shell
from .errors import FeatureNotEnabled, MissingExtra, import_extra
from .policy import Policy
from .report import Report
from .runtime import Runtime
from .simulation import Simulation
from .timeline import check_built
from .workloads import Workload

__all__ = ["register_magic"]

_ABOUT = """Run a cell on a work-stealing scheduler and show what it did.

The cell's last line is a workload, a coroutine, an async function (its definition is enough) or a function without arguments;
or the cell awaits something, and then all of it runs as one task. The report is shown, and kept as _report."""


def register_magic(shell: Any) -> None:
    """Make ``%%steal`` known to an IPython shell."""
    parser = import_extra("IPython.core.magic_arguments", "notebook").MagicArgumentParser(
        prog="%steal", description=_ABOUT, add_help=False
    )
    parser.add_argument("--workers", type=int, help="how many; default: one for each CPU")
    parser.add_argument("--policy", default="tokio", help="name of a preset, or of a Policy in the notebook; default: tokio")
    parser.add_argument("--sim", action="store_true", help="in virtual time instead of on threads")
    parser.add_argument("--seed", type=int, help="of the scheduler's random choices")
    parser.add_argument("--timeline", action=BooleanOptionalAction, help="draw it; default: in a notebook with matplotlib")
    parser.add_argument("--name", default="_report", help="what to call the report; default: _report")

    def steal(line: str, cell: str) -> None:
        _steal(shell, parser.parse_argstring(line), cell)

    steal.__doc__ = parser.format_help()
    shell.register_magic_function(steal, "cell", "steal")


def _steal(shell: Any, options: Namespace, cell: str) -> None:
    display = import_extra("IPython.display", "notebook").display
    engine, is_drawn = _prepared(shell, options)
    if isinstance(engine, Simulation):
        report = _simulated(engine, _target(shell, cell))
    else:
        with engine:
            report = engine.run(_target(shell, cell))
    shell.push({"_report": report, options.name: report}, interactive=False)
    display(report)
    if is_drawn:
        figure = report.plot_timeline().figure
        display(figure)
        import_extra("matplotlib.pyplot", "plot").close(figure)  # or the notebook would show it once more


def _prepared(shell: Any, options: Namespace) -> tuple[Runtime | Simulation, bool]:
    """What runs the cell, and whether its timeline is drawn; UsageError for options that make no sense."""
    from IPython.core.error import UsageError

    try:
        if not options.name.isidentifier():
            raise ValueError(f"--name {options.name}: need a name of Python")
        is_drawn = _is_drawn(options.timeline)
        policy = _policy(shell, options.policy)
        if not options.sim:
            return Runtime(options.workers, policy=policy, seed=options.seed, timeline=is_drawn), is_drawn
        workers = len(_core.usable_cpus()) if options.workers is None else options.workers
        return Simulation(workers, policy=policy, seed=options.seed or 0, timeline=is_drawn), is_drawn
    except (TypeError, ValueError, MissingExtra, FeatureNotEnabled) as error:
        raise UsageError(f"%%steal: {' '.join(str(error).split())}") from None


def _is_drawn(asked: bool | None) -> bool:
    if asked is None:
        has_all = _core.FEATURES["timeline"] and importlib.util.find_spec("matplotlib") is not None
        return has_all and notebook_shell() is not None
    if asked:
        check_built("--timeline")
        import_extra("matplotlib", "plot")
    return asked


def _policy(shell: Any, name: str) -> str | Policy:
    """A policy that the notebook has by this name, or else a preset."""
    found = shell.user_ns.get(name)
    return found if isinstance(found, Policy) else name


def _target(shell: Any, cell: str) -> Any:
    """What the cell wants to be run: the value of its last line, or all of it as an async function if it awaits something."""
    from IPython.core.error import UsageError

    codes = _compiled(shell, cell)
    space = shell.user_ns

    async def whole_cell() -> Any:
        value = None
        for code in codes:
            value = eval(code, space)  # the cell's own code, as the notebook would run it
            if code.co_flags & inspect.CO_COROUTINE:
                value = await value
        return value

    whole_cell.__qualname__ = "cell"
    if any(code.co_flags & inspect.CO_COROUTINE for code in codes):
        return whole_cell
    value = None
    for code in codes:
        value = eval(code, space)  # as above
    if isinstance(value, Workload) or inspect.iscoroutine(value) or callable(value):
        return value
    raise UsageError(
        f"%%steal: the cell's last line is {type(value).__name__}; need a workload, a coroutine or an async function, "
        "or an await in the cell"
    )


def _compiled(shell: Any, cell: str) -> list[Any]:
    """The cell as code for `eval`: all but its last line, and that line as an expression."""
    source = shell.transform_cell(cell)
    name = shell.compile.cache(source, shell.execution_count, raw_code=cell)  # tracebacks show the cell's lines
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT | shell.compile.flags
    statements = compile(source, name, "exec", flags | ast.PyCF_ONLY_AST).body
    last: ast.expr | None = None
    if statements and isinstance(statements[-1], ast.Expr):
        last = statements.pop().value
    elif statements and isinstance(statements[-1], ast.AsyncFunctionDef):
        last = ast.copy_location(ast.Name(statements[-1].name, ast.Load()), statements[-1])
    codes = [compile(ast.Module(statements, []), name, "exec", flags)]
    return codes if last is None else [*codes, compile(ast.Expression(last), name, "eval", flags)]


def _simulated(simulation: Simulation, target: Any) -> Report:
    if isinstance(target, Workload):
        return simulation.run(target)
    simulation.block_on(target)
    return simulation.report
