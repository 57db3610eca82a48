"""Values as plain JSON that a person can read, without anybody's address in it."""

from dataclasses import fields, is_dataclass
from datetime import date, datetime, time, timedelta
from enum import Enum
from typing import Any

from pager_domain.kernel import EmailAddress, PhoneNumber


class Addresses:
    """Tells addresses by their hints; the second one with the same hint is told as "… (2)"."""

    def __init__(self) -> None:
        self._told: dict[str, list[str]] = {}

    def hint_of(self, address: EmailAddress | PhoneNumber) -> str:
        """The same for the same address, another one for another."""
        told = self._told.setdefault(address.hint, [])
        if address.value not in told:
            told.append(address.value)
        number = told.index(address.value) + 1
        return address.hint if number == 1 else f"{address.hint} ({number})"


def document_of(value: Any, addresses: Addresses) -> Any:
    """``value`` as JSON. A field at its default is left out; spans are told in seconds ("900s"), bytes not at all."""
    if isinstance(value, EmailAddress | PhoneNumber):
        return addresses.hint_of(value)
    if is_dataclass(value):
        told = ((f.name, getattr(value, f.name)) for f in fields(value) if getattr(value, f.name) != f.default)
        return {name: document_of(each, addresses) for name, each in told}
    if isinstance(value, tuple | frozenset):
        listed = [document_of(each, addresses) for each in value]
        return sorted(listed) if isinstance(value, frozenset) else listed
    return _plain(value)


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return "…"
    if isinstance(value, timedelta):
        return f"{value.total_seconds():g}s"
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    return value.value if isinstance(value, Enum) else value
