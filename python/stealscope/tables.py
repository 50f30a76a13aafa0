"""How is a table printed on a terminal without any dependency?

Invariant: pure text in, pure text out; the width of a column is that of its longest cell. Read next: `report.py`,
`tour.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["bar", "cell", "key_values", "table"]


def cell(value: object) -> str:
    """One value as text: thousands grouped, floats to four significant digits, None as a dash."""
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return str(value)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]], *, indent: str = "") -> str:
    """A plain table: first column to the left, the others to the right, a rule under the headers.

    Raises:
        ValueError: a row has another number of cells than there are headers.
    """
    texts = [[cell(value) for value in row] for row in rows]
    for row in texts:
        if len(row) != len(headers):
            raise ValueError(f"a row has {len(row)} cells; need {len(headers)}, one for each header: {row}")
    widths = [max([len(header), *(len(row[column]) for row in texts)]) for column, header in enumerate(headers)]
    lines = [_line(headers, widths), "  ".join("-" * width for width in widths), *(_line(row, widths) for row in texts)]
    return "\n".join(indent + line.rstrip() for line in lines)


def key_values(pairs: Iterable[tuple[str, object]], *, indent: str = "") -> str:
    """Aligned ``key  value`` lines."""
    texts = [(key, cell(value)) for key, value in pairs]
    width = max((len(key) for key, _ in texts), default=0)
    return "\n".join(f"{indent}{key:<{width}}  {value}".rstrip() for key, value in texts)


def bar(fraction: float, width: int = 20) -> str:
    """A share between 0 and 1 as a bar of `width` characters; outside that range it is cut."""
    filled = round(min(max(fraction, 0.0), 1.0) * width)
    return "#" * filled + "." * (width - filled)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = f"{cells[0]:<{widths[0]}}" if cells else ""
    return "  ".join([first, *(f"{text:>{width}}" for text, width in zip(cells[1:], widths[1:], strict=True))])
