"""How is a table printed on a terminal without any dependency?

Invariant: pure text in, pure text out; the width of a column is that of its longest cell. Read next: `report.py`,
`tour.py`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

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


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    *,
    indent: str = "",
    width: int | None = None,
    glued: Collection[int] = (),
) -> str:
    """A plain table: first column to the left, the others to the right, a rule under the headers.

    Args:
        width: columns of the terminal: what does not fit continues below, after the first column again; None sets no limit.
        glued: columns that stay beside the one before them.

    Raises:
        ValueError: a row has another number of cells than there are headers.
    """
    texts = [[cell(value) for value in row] for row in rows]
    for row in texts:
        if len(row) != len(headers):
            raise ValueError(f"a row has {len(row)} cells; need {len(headers)}, one for each header: {row}")
    widths = [max([len(header), *(len(row[column]) for row in texts)]) for column, header in enumerate(headers)]
    parts = _parts(widths, glued, None if width is None else width - len(indent))
    return "\n\n".join(_part([headers, *texts], widths, columns, indent) for columns in parts)


def key_values(pairs: Iterable[tuple[str, object]], *, indent: str = "") -> str:
    """Aligned ``key  value`` lines."""
    texts = [(key, cell(value)) for key, value in pairs]
    width = max((len(key) for key, _ in texts), default=0)
    return "\n".join(f"{indent}{key:<{width}}  {value}".rstrip() for key, value in texts)


def bar(fraction: float, width: int = 20) -> str:
    """A share between 0 and 1 as a bar of `width` characters; outside that range it is cut."""
    filled = round(min(max(fraction, 0.0), 1.0) * width)
    return "#" * filled + "." * (width - filled)


def _parts(widths: Sequence[int], glued: Collection[int], limit: int | None) -> list[list[int]]:
    """Which columns stand beside each other: the first in each part, and as many others as fit, at least one."""
    units: list[list[int]] = []
    for column in range(1, len(widths)):
        if column in glued and units:
            units[-1].append(column)
        else:
            units.append([column])
    parts: list[list[int]] = [list(range(len(widths)))[:1]]
    for unit in units:
        taken = sum(widths[column] + 2 for column in (*parts[-1], *unit)) - 2
        if limit is not None and taken > limit and len(parts[-1]) > 1:
            parts.append([0])
        parts[-1] += unit
    return parts


def _part(texts: Sequence[Sequence[str]], widths: Sequence[int], columns: Sequence[int], indent: str) -> str:
    chosen = [widths[column] for column in columns]
    head, *rows = [_line([row[column] for column in columns], chosen) for row in texts]
    return "\n".join(indent + line.rstrip() for line in (head, "  ".join("-" * width for width in chosen), *rows))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first = f"{cells[0]:<{widths[0]}}" if cells else ""
    return "  ".join([first, *(f"{text:>{width}}" for text, width in zip(cells[1:], widths[1:], strict=True))])
