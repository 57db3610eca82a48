"""Reads plain values out of a document and notes every fault with its path, so that all are told at once."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from pager_cli.durations import parse_duration, written_duration

MAX_BYTES = 255
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_CONTROL_BUT_LINES = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Faults:
    """The faults found so far, each with the path it was found at."""

    sentences: list[str] = field(default_factory=list)

    def add(self, path: str, sentence: str) -> None:
        """Notes that what stands at ``path`` cannot be used."""
        self.sentences.append(f"{path or 'the file'}: {sentence}")


@dataclass(frozen=True, slots=True)
class Fields:
    """A mapping of the document and where it stands."""

    values: dict[Any, Any]
    path: str
    faults: Faults

    @classmethod
    def read(cls, value: object, path: str, faults: Faults, known: tuple[str, ...]) -> "Fields":
        """``value`` as a mapping with no key but the ``known`` ones."""
        if not isinstance(value, dict):
            faults.add(path, f"must be a mapping with {', '.join(known)}")
            return cls({}, path, Faults())  # one fault is enough: what it lacks is not told as well
        for key in value:
            if key not in known:
                faults.add(_joined(path, str(key)), f"is not known; known are {', '.join(known)}")
        return cls(value, path, faults)

    def text(self, key: str, *, required: bool = False) -> str:
        """The text under ``key``; empty if there is none."""
        value = self.values.get(key)
        if value is None:
            if required:
                self.fault(key, "is required")
            return ""
        return checked_text(value, _joined(self.path, key), self.faults, required=required)

    def name(self, key: str) -> str:
        """The text under ``key``, as ``text``; as in the policy service, a name may hold tabs and line ends."""
        value = self.values.get(key)
        if value is None:
            return ""
        return checked_text(value, _joined(self.path, key), self.faults, required=False, refused=_CONTROL_BUT_LINES)

    def truth(self, key: str) -> bool:
        """The boolean under ``key``; false if there is none."""
        value = self.values.get(key)
        if value is not None and not isinstance(value, bool):
            self.fault(key, "must be true or false")
        return value is True

    def count(self, key: str, most: int) -> int:
        """The number from 0 to ``most`` under ``key``; 0 if there is none."""
        value = self.values.get(key, 0)
        if value is None:
            return 0
        if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= most:
            self.fault(key, f"must be a whole number from 0 to {most}")
            return 0
        return value

    def duration(self, key: str, default: timedelta, least: timedelta, most: timedelta) -> timedelta:
        """The duration under ``key``, between ``least`` and ``most``."""
        value = self.values.get(key)
        if value is None:
            return default
        try:
            duration = parse_duration(value)
        except ValueError as error:
            self.fault(key, str(error))
            return default
        if not least <= duration <= most:
            self.fault(key, f"must be {written_duration(least)} to {written_duration(most)}")
            return default
        return duration

    def each(self, key: str, *, least: int, most: int) -> Iterator[tuple[object, str]]:
        """What the list under ``key`` holds, each with its path."""
        value = self.values.get(key)
        if value is None:
            value = []
        if not isinstance(value, list):
            self.fault(key, "must be a list")
            return
        if not least <= len(value) <= most:
            self.fault(key, f"must be {least} to {most}, not {len(value)}")
        for index, element in enumerate(value):
            yield element, f"{_joined(self.path, key)}[{index}]"

    def fault(self, key: str, sentence: str) -> None:
        """Notes a fault of ``key``."""
        self.faults.add(_joined(self.path, key), sentence)


def checked_text(
    value: object, path: str, faults: Faults, *, required: bool, refused: re.Pattern[str] = _CONTROL
) -> str:
    """``value`` if it is a text of at most 255 bytes without what is ``refused``; its fault is noted otherwise."""
    if not isinstance(value, str):
        faults.add(path, f"must be text: write it in quotes, not {value!r}")
        return ""
    if required and not value.strip():
        faults.add(path, "is required")
    elif len(value.encode(errors="surrogatepass")) > MAX_BYTES:
        faults.add(path, f"must be at most {MAX_BYTES} bytes")
    elif refused.search(value) or any("\ud800" <= character <= "\udfff" for character in value):
        faults.add(path, "must not contain control characters")
    else:
        return value
    return ""


def refuse_repeats(found: list[tuple[str, str]], faults: Faults, sentence: Callable[[str, str], str]) -> None:
    """Notes each value of ``found`` (value, path) that stood earlier; ``sentence`` takes value and earlier path."""
    first: dict[str, str] = {}
    for value, path in found:
        if not value:
            continue
        if value in first:
            faults.add(path, sentence(value, first[value]))
        else:
            first[value] = path


def _joined(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
