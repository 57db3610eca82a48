"""Any message of a proto: made from its descriptor, with values that mean something beside those that mean nothing."""

from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from hypothesis import strategies as st

_WORDS = ("checkout", "ana", "p", "shop", "mail", "r-1", "UTC", "Europe/Berlin", "02:30", "2026-01-05T00:00", "#")
_ODD = ("", " ", "\x00", "\x1b[2J", "ä" * 128, "x" * 256, "x" * 20_000, "../..", "%00", "\u2028", "'; DROP TABLE x; --")
_ADDRESSES = (
    "ana@fuzz.example",
    "+12025550123",
    "a@b",
    "+0",
    "ana@fuzz.example\nBcc: x@fuzz.example",
    f"a@{'a' * 200}!",
)
_TEXTS = st.sampled_from([*_WORDS, *_ODD, *_ADDRESSES]) | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
_EDGES = {
    FieldDescriptor.CPPTYPE_INT32: (0, 1, -1, 1000, 1001, 2**31 - 1, -(2**31)),
    FieldDescriptor.CPPTYPE_INT64: (0, 1, -1, 60, 10**9, 2**62, 2**63 - 1, -(2**63)),
    FieldDescriptor.CPPTYPE_UINT32: (0, 1, 2**32 - 1),
    FieldDescriptor.CPPTYPE_UINT64: (0, 1, 2**64 - 1),
    FieldDescriptor.CPPTYPE_DOUBLE: (0.0, -1.0, 1e308, float("inf"), float("nan")),
    FieldDescriptor.CPPTYPE_FLOAT: (0.0, -1.0, float("inf"), float("nan")),
}
_DEEPEST = 5


@st.composite
def messages(draw: Any, kind: Descriptor, depth: int = 0) -> Any:
    """A message of ``kind``. Of a oneof at most one field is set."""
    made = message_factory.GetMessageClass(kind)()
    taken = {oneof.name: draw(st.sampled_from([None, *oneof.fields])) for oneof in kind.oneofs}
    for field in kind.fields:
        if field.containing_oneof is not None:
            if taken[field.containing_oneof.name] is not field:
                continue
        elif draw(st.integers(0, 3)) == 0:
            continue
        _set(draw, made, field, depth)
    return made


def _set(draw: Any, made: Any, field: FieldDescriptor, depth: int) -> None:
    if field.is_repeated:
        count = draw(st.sampled_from([0, 1, 1, 2, 3, 21]))
        values = [draw(_values(field, depth)) for _ in range(min(count, 3))]
        # Many is many of the same: they are long to make, and a limit counts them only.
        getattr(made, field.name).extend(values * (count // 3) if count > 3 else values)
    elif field.message_type is not None:
        getattr(made, field.name).CopyFrom(draw(_values(field, depth)))
    else:
        setattr(made, field.name, draw(_values(field, depth)))


def _values(field: FieldDescriptor, depth: int) -> st.SearchStrategy[Any]:
    if field.message_type is not None:
        whole = message_factory.GetMessageClass(field.message_type)
        return st.builds(whole) if depth >= _DEEPEST else messages(field.message_type, depth + 1)
    if field.enum_type is not None:
        return st.sampled_from([*(value.number for value in field.enum_type.values), 77])
    if field.type == FieldDescriptor.TYPE_BYTES:
        return st.binary(max_size=40)
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        return _TEXTS
    if field.cpp_type == FieldDescriptor.CPPTYPE_BOOL:
        return st.booleans()
    return st.sampled_from(_EDGES[field.cpp_type])
