"""Rows for people: on a terminal, and as Markdown in the report."""

import re
from collections.abc import Iterable, Sequence

from bench.answer import Row
from bench.figures import Figure

HEADINGS = ("goal", "measure", "figure", "range", "wanted", "")
_GOAL = re.compile(r"P(\d+)(.*)")


def shown(value: float) -> str:
    """Three significant digits, thousands set apart."""
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 0.01 or value == 0 else f"{value:.2g}"


def cells(row: Row) -> tuple[str, ...]:
    """One for each heading; without a figure its place says why."""
    limit = str(row.limit) if row.limit else ""
    if row.figure is None:
        return row.goal, row.what, row.note, "", limit, row.verdict
    unit = f" {row.unit}".replace(" /s", "/s") if row.unit else ""
    return row.goal, row.what, shown(row.figure.median) + unit, _range(row.figure), limit, row.verdict


def judged(rows: Iterable[Row]) -> list[Row]:
    """Those that have a goal, P1 before P1b before P2 before P10."""
    return sorted((row for row in rows if row.limit is not None), key=_number_of_goal)


def plain(rows: Iterable[Row]) -> str:
    """Columns as wide as they must be."""
    lines = [HEADINGS, *map(cells, rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEADINGS))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines
    )


def markdown(rows: Iterable[Row], headings: Sequence[str] = HEADINGS) -> str:
    """A table that GitHub renders."""
    lines = [headings, ["---"] * len(headings), *map(cells, rows)]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _number_of_goal(row: Row) -> tuple[int, str]:
    found = _GOAL.fullmatch(row.goal)
    return (int(found[1]), found[2]) if found else (0, row.goal)


def _range(figure: Figure) -> str:
    return f"[{shown(figure.low)} … {shown(figure.high)}] of {figure.count}" if figure.count > 1 else ""
