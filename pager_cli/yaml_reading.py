"""YAML without surprises: a key that stands twice is a fault, not a silent choice."""

import re
from collections.abc import Hashable
from datetime import UTC, datetime
from typing import Any

import yaml

# Those of Unicode count in YAML as well.
_LINE_ENDS = re.compile("[\n\r\x85\u2028\u2029]")


class UnreadableYaml(Exception):
    """The text is not YAML; the message says where."""


class _StrictLoader(yaml.SafeLoader):
    """Plain values only, and no key twice."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """The value of ``node``; what its tag does not fit ends in whatever the library stumbles over."""
        try:
            value = super().construct_object(node, deep)
            if isinstance(value, datetime) and value.tzinfo is not None:
                value.astimezone(UTC)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            tag = node.tag.rpartition(":")[2]
            raise yaml.constructor.ConstructorError(None, None, f"that is no {tag}", node.start_mark) from error
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """The mapping, if no key stands in it twice."""
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():  # not so under a tag like !!set
            if isinstance(key, yaml.ScalarNode) and key.tag != "tag:yaml.org,2002:merge":
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key {key.value!r} stands twice in one mapping", key.start_mark
                    )
                seen.add(key.value)
        return super().construct_mapping(node, deep)


class _ExactDumper(yaml.SafeDumper):
    """Writes every text so that it is read back as it was."""

    def represent_str(self, data: str) -> yaml.ScalarNode:
        """In double quotes, with escapes, where it holds a line end: elsewhere YAML folds those into one another."""
        style = '"' if _LINE_ENDS.search(data) else None
        return self.represent_scalar("tag:yaml.org,2002:str", data, style=style)


_ExactDumper.add_representer(str, _ExactDumper.represent_str)


def read_yaml(text: str) -> object:
    """The one document in ``text``.

    Raises:
        UnreadableYaml: it is not YAML, or more than one document.
    """
    try:
        return yaml.load(text, _StrictLoader)  # noqa: S506 - a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark is not None else ""
        raise UnreadableYaml(f"{place}{error.problem or error.context}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UnreadableYaml(" ".join(str(error).split()) or "nested too deeply") from error


def write_yaml(document: object) -> str:
    """``document`` as YAML, keys in their order."""
    text: str = yaml.dump(document, Dumper=_ExactDumper, sort_keys=False, allow_unicode=True, width=100)
    return text
