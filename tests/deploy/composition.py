"""compose.yaml as Compose reads it: variables filled in, and the services in the order of their dependencies."""

import re
from collections.abc import Mapping
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
_VARIABLE = re.compile(r"\$\{(\w+)(?:(:[-?])([^}]*))?\}")


class MissingError(Exception):
    """A variable that must be given is not; with the words that say so."""


def composition(given: Mapping[str, str]) -> dict[str, Any]:
    """The file with the variables of ``given``.

    Raises:
        MissingError: one that must be given is not.
    """
    filled: dict[str, Any] = yaml.safe_load(_VARIABLE.sub(lambda found: _value(found, given), _text()))
    return filled


def variables() -> dict[str, str]:
    """Every variable that the file reads, with its default; "" if it has none."""
    return {name: rest if kind == ":-" else "" for name, kind, rest in _VARIABLE.findall(_text())}


def in_order(services: Mapping[str, Any]) -> list[str]:
    """The names of ``services``, each after what it depends on."""
    return list(
        TopologicalSorter({name: service.get("depends_on", {}) for name, service in services.items()}).static_order()
    )


def image_environment() -> dict[str, str]:
    """What the image sets."""
    return dict(
        re.findall(
            r"\b((?:PAGERD|PAGER|POLICY|NOTIFIER)_\w+)=(\S+)",
            (ROOT / "Dockerfile").read_text().partition("AS runtime")[2],
        )
    )


def _text() -> str:
    return (ROOT / "compose.yaml").read_text()


def _value(found: "re.Match[str]", given: Mapping[str, str]) -> str:
    name, kind, rest = found.groups()
    if value := given.get(name):
        return value
    if kind == ":?":
        raise MissingError(f"{name}: {rest}")
    return rest or ""
