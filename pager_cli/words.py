"""Text for people from what servers say: names of enum values, and other people's words made harmless."""

from typing import Any


def enum_word(enum: Any, value: int) -> str:
    """The name of a protobuf enum value as a word: ``STATE_OPEN`` becomes ``open``; an unknown value stays a number."""
    descriptor = enum.DESCRIPTOR
    if value not in descriptor.values_by_number:
        return str(value)
    common = descriptor.values_by_number[0].name.removesuffix("UNSPECIFIED")
    name: str = descriptor.values_by_number[value].name
    return name.removeprefix(common).lower().replace("_", " ")


def counted(number: int, one: str, many: str = "") -> str:
    """``1 service``, ``2 services``."""
    return f"{number} {one if number == 1 else many or one + 's'}"


def one_line(text: str) -> str:
    """``text`` on one line; control characters, which could rewrite a terminal, become spaces."""
    return "".join(character if character.isprintable() else " " for character in text)


def many_lines(text: str) -> str:
    """``text`` with its line ends, but without other control characters."""
    return "\n".join(one_line(line.expandtabs()) for line in text.splitlines())
