"""Where answers go: tables and lines by rich on a terminal, plain text when piped, JSON when asked for."""

# ruff: noqa: PLC0415 - rich takes longer to import than a call takes, and only a terminal needs it

import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class Styled:
    """Text with a style of rich; a pipe gets the text alone."""

    text: str
    style: str

    def __str__(self) -> str:
        return self.text


Cell = str | Styled


def as_json(message: Message) -> dict[str, Any]:
    """``message`` as proto JSON with the field names of the proto; a field without a value has its default."""
    return MessageToDict(message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True)


def print_json(document: object, *, on_one_line: bool = False) -> None:
    """Writes ``document`` for machines."""
    indent = None if on_one_line else 2
    sys.stdout.write(json.dumps(document, ensure_ascii=False, indent=indent) + "\n")
    sys.stdout.flush()


def print_line(*parts: Cell) -> None:
    """Writes one line, coloured only on a terminal; a terminal wraps it, a pipe gets it whole."""
    if not sys.stdout.isatty():
        sys.stdout.write("".join(map(str, parts)) + "\n")
        sys.stdout.flush()
        return
    from rich.text import Text

    _console().print(Text.assemble(*(_rich(part) for part in parts)), soft_wrap=True)


def print_table(titles: Sequence[str], rows: Iterable[Sequence[Cell]], first_out: Sequence[str] = ()) -> None:
    """Writes a table; a pipe gets all of it.

    On a terminal texts wrap, and where there is no room for all columns some are left out, which is said:
    those of ``first_out`` first, then the rightmost, never the first one.
    """
    lines: list[Sequence[Cell]] = [titles, *rows]
    if sys.stdout.isatty():
        _print_fitting(titles, lines, [titles.index(title) for title in first_out])
    else:
        _print_plain(titles, [[str(cell) for cell in line] for line in lines])


def _print_fitting(titles: Sequence[str], lines: Sequence[Sequence[Cell]], first_out: Sequence[int]) -> None:
    from rich.cells import cell_len
    from rich.table import Table
    from rich.text import Text

    from pager_cli.table_layout import GAP, layout

    console = _console()
    found = layout([[str(cell) for cell in line] for line in lines], console.width, first_out, cell_len)
    table = Table(box=None, pad_edge=False, padding=(0, GAP, 0, 0), header_style="bold")
    for number, width in found.kept.items():
        table.add_column(titles[number], width=width, overflow="fold")
    for line in lines[1:]:
        table.add_row(*(Text(*_rich(line[number])) for number in found.kept))
    console.print(table)
    if found.left_out:
        names = ", ".join(titles[number] for number in found.left_out)
        console.print(Text(f"no room for {names}: a wider terminal or --json has them", "dim"))


def _print_plain(titles: Sequence[str], lines: Sequence[Sequence[str]]) -> None:
    widths = [max(len(line[column]) for line in lines) for column in range(len(titles))]
    for line in lines:
        padded = "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        sys.stdout.write(padded.rstrip() + "\n")


def _rich(part: Cell) -> tuple[str, str]:
    return (part.text, part.style) if isinstance(part, Styled) else (part, "")


def _console() -> "Console":
    from rich.console import Console

    # FORCE_COLOR and its kin are not asked: colours belong on a terminal only.
    return Console(file=sys.stdout, force_terminal=True)
