"""What a notebook shows of each value: escaped, without scripts, and beside it a plain text that says the same."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
import stealscope as ss
from stealscope import _html, workloads

EVIL = "<b>&\"'</b><script>alert(1)</script>"


class Checked(HTMLParser):
    """Collects the elements, and complains about one that is not closed, and about attributes that are code."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not [name for name, _ in attrs if name.startswith("on")]
        self.open.append(tag)
        self.seen.add(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def elements(shown: str) -> set[str]:
    """The elements of well-formed HTML."""
    parser = Checked()
    parser.feed(shown)
    parser.close()
    assert parser.open == []
    return parser.seen


def evil_workload() -> ss.Workload:
    return workloads.sequence(workloads.dag([0, 1, 1], [1], [10, 20], label=EVIL), workloads.fib(3))


@cache
def results() -> ss.Results:
    jobs = workloads.open_system(ss.dist.exponential(1e-5), ss.dist.exponential(5e-6), n=200)
    policies = {EVIL: ss.Policy(steal="one"), "tokio": ss.Policy()}
    with ThreadPoolExecutor(1) as here:
        return ss.experiment({EVIL: jobs}, policies, 2, range(10), executor=here, progress=False)


def estimate() -> ss.Estimate:
    jobs = workloads.open_system(ss.dist.exponential(1e-5), ss.dist.exponential(5e-6), n=400)
    return ss.Simulation(2, costs=ss.Costs.zero()).run(jobs).sojourn(warmup=0, batches=2)


def exploration(check: Callable[[ss.Report], object] | None) -> ss.Exploration:
    return ss.Simulation(2, costs=ss.Costs.zero()).explore(workloads.fib(3), check, preemptions=1, max_schedules=5)


def fails(report: ss.Report) -> bool:
    raise ValueError(EVIL)


SHOWN: dict[str, Callable[[], Any]] = {
    "workload": evil_workload,
    "report": lambda: ss.Simulation(2, timeline=ss.features()["timeline"]).run(evil_workload()),
    "policy": lambda: ss.Policy(victims=_named(EVIL)),
    "preset": lambda: ss.Policy.presets()["rayon_like"],
    "costs": lambda: ss.Costs(name=EVIL, source=EVIL),
    "step": lambda: next(iter(ss.Simulation(2).steps(workloads.fork_join(2, 3, 100)))),
    "exploration": lambda: exploration(None),
    "failure": lambda: exploration(fails),
    "estimate": estimate,
    "results": results,
    "comparison": lambda: results().compare("tokio"),
}


def _named(name: str) -> Callable[..., int | None]:
    def choose(thief: int, attempt: int, lengths: tuple[int, ...], roll: Any) -> int | None:
        return None

    choose.__qualname__ = name
    return choose


@pytest.mark.parametrize("name", SHOWN)
def test_a_value_is_shown_well_formed_and_without_scripts(name: str) -> None:
    value = SHOWN[name]()
    seen = elements(value._repr_html_())
    assert "script" not in seen
    assert seen & {"table", "pre", "p"}


@pytest.mark.parametrize("name", SHOWN)
def test_a_value_has_a_plain_text_beside_its_html(name: str) -> None:
    value = SHOWN[name]()
    assert type(value).__str__ is not object.__str__ or type(value).__repr__ is not object.__repr__
    assert "<table" not in str(value)


@pytest.mark.parametrize("name", ["workload", "report", "policy", "costs", "failure", "results", "comparison"])
def test_what_a_user_named_is_escaped(name: str) -> None:
    shown = SHOWN[name]()._repr_html_()
    assert '<b>&"' not in shown
    assert "&lt;script&gt;" in shown


def test_a_runtime_and_its_handle_show_their_metrics() -> None:
    with ss.Runtime(2, name="<i>") as runtime:
        runtime.run(workloads.fib(5))
        for value in (runtime, runtime.handle):
            assert {"table", "details", "summary"} <= elements(value._repr_html_())
            assert "<i>" not in value._repr_html_()
        assert "num_alive_tasks" in str(runtime.handle)
        assert "2 workers, running" in runtime._repr_html_()


@pytest.mark.needs_dump
def test_a_dump_of_many_tasks_shows_some_and_says_how_many_more() -> None:
    async def waits(event: ss.Event) -> None:
        await event.wait()

    event = ss.Event()
    with ss.Runtime(1) as runtime:
        handles = [runtime.spawn(waits, event, name=EVIL) for _ in range(203)]
        runtime.handle.metrics(settled=True, timeout=30)
        shown = runtime.handle.dump(timeout=30)._repr_html_()
        event.set()
        for handle in handles:
            handle.result(30)
    assert shown.count("<details") == 200
    assert "3 more" in shown
    assert "script" not in elements(shown)


def test_a_share_is_drawn_and_one_that_was_not_measured_is_left_blank() -> None:
    shown = _html.table(("a", "share"), [(1, 0.5), (2, None), (3, 7.0)], drawn=("share",))
    assert shown.count("&#9608;") == 5 + 0 + 10


def test_a_row_with_another_number_of_cells_than_heads_is_refused() -> None:
    with pytest.raises(ValueError, match="zip"):
        _html.table(("a", "b"), [(1,)])
