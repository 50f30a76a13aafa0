"""How do values look in a notebook? Tables and sections that open, as HTML.

Invariant: everything that comes in as a value is escaped here, nothing that leaves has a script or a colour of its own: text and
background are the notebook's, so light and dark both read well. Read next: `tables.py` (the same as plain text).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .tables import cell

__all__ = ["bar", "bold", "escaped", "pairs", "paragraph", "preformatted", "section", "table"]

_LEFT = ' style="text-align:left"'
_FULL_BAR = 10


def escaped(value: object) -> str:
    """One value as `tables.cell` writes it, safe inside an element or a quoted attribute."""
    return _escape(cell(value))


def _escape(text: str) -> str:
    from html import escape  # reads its table of names: not for those who draw nothing

    return escape(text)


def bold(value: object) -> str:
    """One value, set off from its neighbours."""
    return f"<b>{escaped(value)}</b>"


def bar(share: float | None) -> str:
    """A share between 0 and 1, drawn; nothing if there is none."""
    return "" if share is None else "&#9608;" * round(min(max(share, 0.0), 1.0) * _FULL_BAR)


def table(headers: Sequence[str], rows: Iterable[Iterable[object]], *, caption: str = "", drawn: Sequence[str] = ()) -> str:
    """A table with a line of headers: text to the left, numbers to the right.

    Args:
        drawn: columns whose cells are shares between 0 and 1, or None, shown as a bar.
    """
    lines = [list(row) for row in rows]
    shown = [_drawn if header in drawn else _td for header in headers]
    top = f"<caption>{_escape(caption)}</caption>" if caption else ""
    first = lines[0] if lines else [""] * len(headers)
    head = "".join(
        f"<th{'' if _is_number(value) and header not in drawn else _LEFT}>{_escape(header)}</th>"
        for header, value in zip(headers, first, strict=True)
    )
    body = ("".join(show(value) for show, value in zip(shown, row, strict=True)) for row in lines)
    return f"<table>{top}<tr>{head}</tr>{''.join(f'<tr>{line}</tr>' for line in body)}</table>"


def pairs(rows: Iterable[tuple[str, object]], *, marked: Iterable[str] = ()) -> str:
    """A table of names and values, those of `marked` in bold."""
    heavy = set(marked)
    lines = (
        f"<tr><th{_LEFT}>{_escape(name)}</th><td{_LEFT}>{bold(value) if name in heavy else escaped(value)}</td></tr>"
        for name, value in rows
    )
    return f"<table>{''.join(lines)}</table>"


def section(summary: str, body: str, *, is_open: bool = False) -> str:
    """A line that opens to show `body`, which is HTML already; the line itself is text."""
    return f"<details{' open' * is_open}><summary>{_escape(summary)}</summary>{body}</details>"


def paragraph(text: str) -> str:
    """Text of its own."""
    return f"<p>{_escape(text)}</p>"


def preformatted(text: str) -> str:
    """Text whose lines and spaces stay as they are."""
    return f"<pre>{_escape(text)}</pre>"


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _td(value: object) -> str:
    return f"<td>{escaped(value)}</td>" if _is_number(value) else f"<td{_LEFT}>{escaped(value)}</td>"


def _drawn(share: object) -> str:
    return f"<td{_LEFT}>{bar(share if isinstance(share, int | float) else None)}</td>"
