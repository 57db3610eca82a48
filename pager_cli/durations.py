"""Durations as people write them: ``900``, ``90s``, ``15m``, ``1h30m``."""

import re
from datetime import timedelta

_UNITS = {"h": 3600, "m": 60, "s": 1}
_WRITTEN = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9}(?:\.\d{1,6})?)s?)?", re.ASCII)


def parse_duration(written: object) -> timedelta:
    """The duration that a number of seconds or a text such as ``15m`` means.

    Raises:
        ValueError: it is neither.
    """
    if isinstance(written, int | float) and not isinstance(written, bool):
        try:
            return timedelta(seconds=written)
        except (OverflowError, ValueError) as error:
            raise ValueError(_EXPECTED) from error
    match = _WRITTEN.fullmatch(written.strip()) if isinstance(written, str) else None
    if match is None or not any(match.groups()):
        raise ValueError(_EXPECTED)
    days, hours, minutes, seconds = (float(part or 0) for part in match.groups())
    try:
        return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError as error:
        raise ValueError(_EXPECTED) from error


def written_duration(duration: timedelta) -> str:
    """``duration`` as :func:`parse_duration` reads it, the shortest way: ``15m``, ``1h30m``, ``1.5s``."""
    rest = duration // timedelta(microseconds=1)
    parts = []
    for unit, seconds in _UNITS.items():
        count, left = divmod(rest, seconds * 1_000_000)
        if unit == "s" and left:
            parts.append(f"{count}.{left:06d}".rstrip("0") + unit)
        elif count:
            parts.append(f"{count}{unit}")
        rest = left
    return "".join(parts) or "0s"


_EXPECTED = "must be a number of seconds or a duration like 90s, 15m or 1h30m"
