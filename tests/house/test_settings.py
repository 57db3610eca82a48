"""docs/settings.md has every setting, and no other."""

import re
from collections.abc import Iterator
from typing import Any

import typer
from house.sources import ROOT, modules

from pager_cli.pagerctl import app
from pager_grpc.daemon.rooms import Room, settings_kind

DOCUMENTED = re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/settings.md").read_text(), flags=re.MULTILINE)
# The command line reads the environment without a settings class.
_READ_DIRECTLY = re.compile(r'"(PAGERCTL_[A-Z_]+)"')


def settings() -> set[str]:
    """The variables that the services and the command line read."""
    of_rooms = {str(field.alias) for room in Room for field in settings_kind(room).model_fields.values()}
    of_options = {variable for command in _commands(typer.main.get_command(app)) for variable in _variables(command)}
    written = "\n".join(path.read_text() for path in modules("pager_cli", "pager_grpc"))
    return of_rooms | of_options | {*_READ_DIRECTLY.findall(written)}


def _commands(command: Any) -> Iterator[Any]:
    yield command
    for inner in getattr(command, "commands", {}).values():
        yield from _commands(inner)


def _variables(command: Any) -> list[str]:
    return [str(parameter.envvar) for parameter in command.params if parameter.envvar]


def test_every_setting_is_documented():
    assert sorted(settings() - {*DOCUMENTED}) == []


def test_no_setting_is_documented_that_nobody_reads():
    assert sorted({*DOCUMENTED} - settings()) == []


def test_no_setting_is_documented_twice():
    assert len(DOCUMENTED) == len({*DOCUMENTED})
