"""Where in memory is this compiled function? numba, ctypes and cffi each say it in their own way.

Invariant: what leaves this file takes an int64 (and a pointer, if there is data) and gives one, or its caller has said
``unsafe=True``; the function and its data live until the last call has ended. Read next: `workloads.py` (`function`, `dag`).
"""

from __future__ import annotations

import ctypes
import importlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from .graph import frozen_int64
from .units import checked_count

if TYPE_CHECKING:
    import numpy.typing as npt

    from .graph import IntArray
    from .shapes import TaskName

__all__ = ["Compiled", "DagCalls", "FunctionCalls", "checked_dag_calls", "checked_function"]

_CFUNCTION = ctypes.CFUNCTYPE(None).__mro__[1]
"""What all function pointers of ctypes derive from; it has no public name."""

_ADVICE = "a numba @cfunc, a ctypes function with argtypes and restype, or a cffi function pointer"


@dataclass(frozen=True, eq=False)
class Compiled:
    """A compiled function, the buffer that each of its calls gets, and their addresses.

    Attributes:
        function: what the user passed, kept alive.
        address: of the function.
        data: a view of the buffer that the user passed, or None. While it lives the buffer cannot be resized or closed.
        data_address: where the buffer begins; 0: none.
    """

    function: object
    address: int
    data: memoryview | None
    data_address: int

    @classmethod
    def checked(cls, function: Any, data: Any, *, unsafe: bool) -> Compiled:
        """Take both apart.

        Raises:
            TypeError: no such function, another signature, a bare address without `unsafe`, or data without a buffer.
            ValueError: a null pointer, an empty buffer, or one that is not contiguous.
        """
        view, start = (None, 0) if data is None else _buffer(data)
        return cls(function, _address_of(function, with_data=data is not None, unsafe=unsafe), view, start)

    @property
    def name(self) -> str:
        """For people: the function's name, or its address."""
        return getattr(self.function, "__name__", hex(self.address))

    def key(self) -> tuple[int, int, int]:
        """Equal for the same code and the same memory."""
        return self.address, self.data_address, 0 if self.data is None else self.data.nbytes

    def holding(self, args: IntArray) -> IntArray:
        """The same array, which keeps the function and the data alive: whoever runs the calls holds it until the last has ended."""
        return np.asarray(_Held(args, self))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self.name} cannot be pickled: an address means nothing in another process; make it there")


class _Held:
    """What an array is a view of. No array itself: NumPy forgets one that stands between a view and the memory."""

    def __init__(self, args: IntArray, kept: Compiled) -> None:
        self.kept = (args, kept)
        self.__array_interface__ = args.__array_interface__


@dataclass(frozen=True, eq=False)
class DagCalls:
    """The description behind `workloads.dag` with a body.

    Attributes:
        body: the function that each node calls.
        args: what it is called with, shape ``(nodes,)``.
    """

    body: Compiled
    args: IntArray

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, DagCalls) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def native(self, arrays: Sequence[IntArray]) -> tuple[str, tuple[int, ...], tuple[IntArray, ...]]:
        """As the C++ side takes it, with the arrays of the graph."""
        ints = (self.args.size, self.body.address, self.body.data_address)
        return "dag_calls", ints, (*arrays, self.body.holding(self.args))

    def _key(self) -> tuple[object, ...]:
        return self.body.key(), self.args.tobytes()


@dataclass(frozen=True, eq=False)
class FunctionCalls:
    """The description behind `workloads.function`, checked.

    Attributes:
        compiled: the function.
        args: its arguments, shape ``(n,)``.
        cost_ns: ns a call in a simulation, or None.
    """

    compiled: Compiled
    args: IntArray
    cost_ns: int | None

    kind = "function"
    expected = None

    def __eq__(self, other: object) -> bool:
        return self._key() == other._key() if isinstance(other, FunctionCalls) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key())

    def __repr__(self) -> str:
        return f"<workloads.function {self.compiled.name}: {self.args.size:,} calls>"

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
        cost = -1 if self.cost_ns is None else self.cost_ns
        ints = (self.args.size, self.compiled.address, cost, self.compiled.data_address)
        return self.kind, ints, (self.compiled.holding(self.args),)

    def edges(self) -> Iterator[tuple[TaskName, TaskName]]:
        """From the root to each call."""
        return ((("root",), (i,)) for i in range(self.args.size))

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{self!r} cannot be pickled: an address means nothing in another process; make it there")

    def _key(self) -> tuple[object, ...]:
        return self.compiled.key(), self.args.tobytes(), self.cost_ns


def checked_function(function: Any, args: npt.ArrayLike, cost_ns: int | None, data: Any, *, unsafe: bool) -> FunctionCalls:
    """What `workloads.function` was given; errors as there."""
    return FunctionCalls(Compiled.checked(function, data, unsafe=unsafe), frozen_int64(args, "args"), cost_ns)


def checked_dag_calls(nodes: int, body: Any, args: npt.ArrayLike | None, data: Any, *, unsafe: bool) -> DagCalls | None:
    """What `workloads.dag` was given beside the graph; None without a body."""
    if body is None:
        if args is not None or data is not None:
            raise ValueError("args and data are what a body is called with; pass body=, a compiled function, or leave them out")
        return None
    numbers = frozen_int64(np.arange(nodes) if args is None else args, "args")
    if numbers.size != nodes:
        raise ValueError(f"args holds {numbers.size} for {nodes} nodes; need one a node, or None for their numbers")
    return DagCalls(Compiled.checked(body, data, unsafe=unsafe), numbers)


def _buffer(data: Any) -> tuple[memoryview, int]:
    """A view of the whole buffer, and its address. Nothing is copied."""
    try:
        view = memoryview(data)
    except (TypeError, ValueError, BufferError) as error:
        raise TypeError(f"data is a {type(data).__name__}, which has no buffer ({error}); need a NumPy array, or bytes") from None
    if not view.c_contiguous:
        raise ValueError("data is not C-contiguous; pass np.ascontiguousarray(data), and look at that for what the calls wrote")
    if view.nbytes == 0:
        raise ValueError("data is empty; leave it out, and give the function one argument")
    return view, int(np.frombuffer(view, np.uint8).ctypes.data)


def _address_of(function: Any, *, with_data: bool, unsafe: bool) -> int:
    """The address of a compiled ``int64(int64)``, or with data ``int64(int64, pointer)``."""
    if isinstance(function, int) and not isinstance(function, bool):
        if not unsafe:
            raise TypeError(f"{function:#x} is a bare address, whose signature nobody can check; pass unsafe=True if it is right")
        return checked_count(function, "cfunc", low=1, hint="the address of a function")
    if isinstance(function, _CFUNCTION):
        address, signature, said = _ctypes_parts(function)
    elif hasattr(function, "address") and hasattr(function, "_sig"):  # numba's CFunc
        address, signature, said = _numba_parts(function)
    elif type(function).__module__ == "_cffi_backend":
        address, signature, said = _cffi_parts(function)
    else:
        raise TypeError(f"{function!r}; {_needed(with_data)}")
    if signature != ("int64", "int64", *(["pointer"] if with_data else [])):
        raise TypeError(f"{function!r} {said}; {_needed(with_data)}")
    if not address:
        raise ValueError(f"{function!r} is a null pointer")
    return address


def _needed(with_data: bool) -> str:
    return f"need a compiled int64(int64{', pointer to data' if with_data else ''}): {_ADVICE}"


Parts = tuple[int, tuple[str, ...], str]
"""Of a function: its address; what it gives and takes, as ``"int64"``, ``"pointer"`` or something else; words for an error."""


def _ctypes_parts(function: Any) -> Parts:
    pointer = ctypes._Pointer

    def word(kind: Any) -> str:
        if kind is ctypes.c_int64:
            return "int64"
        return "pointer" if kind is ctypes.c_void_p or (isinstance(kind, type) and issubclass(kind, pointer)) else repr(kind)

    said = f"has restype {function.restype!r} and argtypes {function.argtypes!r}"
    signature = tuple(word(kind) for kind in (function.restype, *(function.argtypes or ())))
    return ctypes.cast(function, ctypes.c_void_p).value or 0, signature, said


def _numba_parts(function: Any) -> Parts:
    def word(kind: object) -> str:
        return "pointer" if str(kind) == "voidptr" or str(kind).endswith("*") else str(kind)

    signature = (word(function._sig.return_type), *(word(kind) for kind in function._sig.args))
    return int(function.address), signature, f"has the signature {function._sig}"


def _cffi_parts(function: Any) -> Parts:
    backend: Any = importlib.import_module("_cffi_backend")  # it is there: `function` comes from it
    kind = backend.typeof(function)

    def word(kind: Any) -> str:
        return "int64" if kind.cname in ("int64_t", "long", "long long") else str(kind.kind)

    if kind.kind != "function":
        return 0, (), f"is a {kind.cname}"
    address = int(backend.cast(backend.new_primitive_type("intptr_t"), function))
    return address, (word(kind.result), *map(word, kind.args)), f"is a {kind.cname}"
