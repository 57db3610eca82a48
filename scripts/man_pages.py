"""Writes docs/man/pagerctl.1 and docs/man/pagerd.1 from the commands themselves: `make man`, or `--check` for drift."""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import typer

from pager_cli.pagerctl import app as pagerctl
from pager_grpc.pagerd import app as pagerd

FOLDER = Path(__file__).parent.parent / "docs" / "man"
COMMANDS = {
    "pagerctl": (pagerctl, "raise alerts, acknowledge them and see who was paged"),
    "pagerd": (pagerd, "run the services of the Pager"),
}
SEE_ALSO = {"pagerctl": "pagerd", "pagerd": "pagerctl"}
# What typer adds to every command, and what says nothing to whoever reads a manual.
_UNTOLD = {"--help", "--show-completion"}


def main(arguments: list[str]) -> int:
    """Writes both pages, or says which one is not what would be written."""
    pages = {FOLDER / f"{name}.1": page(name) for name in COMMANDS}
    if "--check" not in arguments:
        FOLDER.mkdir(exist_ok=True)
        for path, text in pages.items():
            path.write_text(text)
        return 0
    stale = [path.name for path, text in pages.items() if not path.exists() or path.read_text() != text]
    for name in stale:
        print(f"docs/man/{name} is not what `make man` writes")
    return 1 if stale else 0


def page(name: str) -> str:
    """The manual page of one program, in the man macros of roff."""
    app, sentence = COMMANDS[name]
    root: Any = typer.main.get_command(app)
    context = root.context_class(root, info_name=name)
    lines = [
        f'.TH {name.upper()} 1 "" "hexagonal-pager {version("hexagonal-pager")}" "The Pager"',
        ".nh",
        ".ad l",
        ".SH NAME",
        f"{name} \\- {_text(sentence)}",
        ".SH SYNOPSIS",
        f".B {name}",
        "[OPTIONS] COMMAND [ARGS]...",
        ".SH DESCRIPTION",
        *_paragraphs(root.help),
        ".SH OPTIONS",
        *_parameters(root, context),
        ".SH COMMANDS",
        *_commands(root, context),
        ".SH SEE ALSO",
        f".BR {SEE_ALSO[name]} (1)",
    ]
    return "\n".join(lines) + "\n"


def _commands(group: Any, context: Any) -> Iterator[str]:
    for name, command in group.commands.items():
        inner = command.context_class(command, info_name=name, parent=context)
        if hasattr(command, "commands"):
            yield from _commands(command, inner)
            continue
        usage = re.sub(r"\{(.*?)\}|\[(\[.*?\])\]", r"\1\2", " ".join(command.collect_usage_pieces(inner)))
        yield f".SS {_text(f'{inner.command_path} {usage}')}"
        yield from _paragraphs(command.help)
        yield from _parameters(command, inner)


def _parameters(command: Any, context: Any) -> Iterator[str]:
    for parameter in command.params:
        record = parameter.get_help_record(context)
        if record is None or _UNTOLD & {*parameter.opts}:
            continue
        names, told = record
        yield ".TP"
        yield f".B {_text(names)}"
        yield _text(" ".join(told.split()))


def _paragraphs(text: str | None) -> Iterator[str]:
    r"""The paragraphs of a help; one that begins with \b keeps its lines."""
    for number, paragraph in enumerate(re.split(r"\n\s*\n", (text or "").strip())):
        if number:
            yield ".PP"
        if paragraph.lstrip().startswith("\b"):
            lines = [line.rstrip() for line in paragraph.replace("\b", "").strip("\n").splitlines()]
            yield from (".nf", *(_text(line) for line in lines), ".fi")
        else:
            yield _text(" ".join(paragraph.split()))


def _text(text: str) -> str:
    """``text`` so that roff prints it and does not obey it."""
    plain = text.replace("\\", "\\e").replace("-", "\\-").replace("`", "\\(ga")
    return f"\\&{plain}" if plain.startswith((".", "'")) else plain


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
