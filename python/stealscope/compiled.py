"""Where in memory is this compiled function? numba, ctypes and cffi each say it in their own way.

Invariant: what leaves this file takes one int64 and gives one, or its caller has said ``unsafe=True``; whoever holds the value keeps
the function alive. Read next: `workloads.py` (`function`).
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn

from .units import checked_count

if TYPE_CHECKING:
    from .graph import IntArray
    from .shapes import TaskName

__all__ = ["FunctionCalls", "address_of"]

_CFUNCTION = ctypes.CFUNCTYPE(None).__mro__[1]
"""What all function pointers of ctypes derive from; it has no public name."""

_ADVICE = "need a compiled int64(int64): a numba @cfunc, a ctypes function with argtypes and restype, or a cffi function pointer"


@dataclass(frozen=True, eq=False)
class FunctionCalls:
    """The description behind `workloads.function`, checked.

    Attributes:
        address: of the function.
        args: its arguments, shape ``(n,)``.
        cost_ns: ns a call in a simulation, or None.
        function: what the user passed, kept alive.
    """

    address: int
    args: IntArray
    cost_ns: int | None
    function: object = field(repr=False)

    kind = "function"
    expected = None

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, FunctionCalls) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        name = getattr(self.function, "__name__", hex(self.address))
        return f"<workloads.function {name}: {self.args.size:,} calls>"

    @property
    def work(self) -> int | None:
        """All calls, ns; None without `cost_ns`."""
        return None if self.cost_ns is None else self.cost_ns * self.args.size

    @property
    def span(self) -> int | None:
        """One call, ns; None without `cost_ns`."""
        return None if self.cost_ns is None else self.cost_ns * min(1, self.args.size)

    def native(self) -> tuple[str, tuple[int, ...], tuple[IntArray, ...]]:
        """As the C++ side takes it."""
        return self.kind, (self.args.size, self.address, -1 if self.cost_ns is None else self.cost_ns), (self.args,)

    def edges(self) -> Iterator[tuple[TaskName, TaskName]]:
        """From the root to each call."""
        return ((("root",), (i,)) for i in range(self.args.size))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be pickled: an address means nothing in another process; make it there")

    def _key(self) -> tuple[int, bytes, int | None]:
        return self.address, self.args.tobytes(), self.cost_ns


def address_of(function: Any, *, unsafe: bool) -> int:
    """The address of a compiled ``int64(int64)``.

    Raises:
        TypeError: none of the known kinds, another signature, or a bare address without `unsafe`.
        ValueError: a null pointer.
    """
    if isinstance(function, int) and not isinstance(function, bool):
        if not unsafe:
            raise TypeError(f"{function:#x} is a bare address, whose signature nobody can check; pass unsafe=True if it is right")
        return checked_count(function, "cfunc", low=1, hint="the address of a function")
    if isinstance(function, _CFUNCTION):
        address = _ctypes_address(function)
    elif hasattr(function, "address") and hasattr(function, "_sig"):  # numba's CFunc
        if str(function._sig).replace(" ", "") not in ("(int64,)->int64", "int64(int64)"):
            raise TypeError(f"{function!r} has the signature {function._sig}; {_ADVICE}")
        address = int(function.address)
    elif type(function).__module__ == "_cffi_backend":
        address = _cffi_address(function)
    else:
        raise TypeError(f"{function!r}; {_ADVICE}")
    if not address:
        raise ValueError(f"{function!r} is a null pointer")
    return address


def _ctypes_address(function: Any) -> int:
    signature = (function.restype, *(function.argtypes or ()))
    if signature != (ctypes.c_int64, ctypes.c_int64):
        raise TypeError(f"{function!r} has restype {function.restype!r} and argtypes {function.argtypes!r}; {_ADVICE}")
    return ctypes.cast(function, ctypes.c_void_p).value or 0


def _cffi_address(function: Any) -> int:
    backend: Any = importlib.import_module("_cffi_backend")  # it is there: `function` comes from it
    kind = backend.typeof(function)
    numbers = (*kind.args, kind.result) if kind.kind == "function" else ()
    if len(numbers) != 2 or any(number.cname not in ("int64_t", "long", "long long") for number in numbers):
        raise TypeError(f"{function!r} is a {kind.cname}; {_ADVICE}")
    return int(backend.cast(backend.new_primitive_type("intptr_t"), function))
