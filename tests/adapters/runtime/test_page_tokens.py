import base64

import pytest
from google.protobuf.wrappers_pb2 import BytesValue
from hypothesis import given
from hypothesis import strategies as st

from pager_domain.errors import InvalidField
from pager_grpc.runtime.page_tokens import PAGE_BYTES, decode_token, encode_token, page_of, page_size_of

_numbers = st.integers(-(2**63), 2**63 - 1)
_texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(_numbers, _texts)
def test_a_token_is_read_as_it_was_written(number, text):
    assert decode_token("page_token", encode_token(number, text), int, str) == (number, text)


@given(st.text(max_size=40) | st.binary(max_size=40).map(lambda noise: base64.urlsafe_b64encode(noise).decode()))
def test_a_made_up_token_is_refused_by_the_name_of_its_field(token):
    fault = None
    try:
        decode_token("page_token", token, int, str)
    except InvalidField as refused:
        fault = refused
    assert fault is None or fault.field == "page_token"


@pytest.mark.parametrize(
    "token",
    [
        encode_token(2**63),
        encode_token(-(2**63) - 1),
        encode_token("1"),
        encode_token(1, 2),
        encode_token(True),
        base64.urlsafe_b64encode(b"[" * 20_000).decode(),
    ],
)
def test_a_token_that_no_database_can_be_asked_about_is_refused(token):
    with pytest.raises(InvalidField):
        decode_token("page_token", token, int)


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
def test_text_that_is_no_text_is_refused(text):
    with pytest.raises(InvalidField):
        decode_token("page_token", encode_token(text), str)


def test_page_sizes_are_50_if_not_said_and_1000_at_most():
    assert [page_size_of(n) for n in (0, 1, 999, 1000)] == [50, 1, 999, 1000]
    for wrong in (-1, 1001):
        with pytest.raises(InvalidField):
            page_size_of(wrong)


_QUARTER = PAGE_BYTES // 4 - 16  # and what a message needs beside


@pytest.mark.parametrize(
    ("sizes", "page_size", "shown"),
    [
        ([], 2, 0),
        ([1, 1], 2, 2),
        ([1, 1, 1], 2, 2),
        ([_QUARTER] * 4, 9, 4),
        ([_QUARTER] * 5, 9, 4),
        ([PAGE_BYTES * 2], 9, 1),
        ([PAGE_BYTES * 2, 1], 9, 1),
        ([1, PAGE_BYTES], 9, 1),
    ],
)
def test_a_page_ends_where_its_rows_are_enough_or_large_and_says_where_the_next_begins(sizes, page_size, shown):
    rows = list(enumerate(sizes))
    page, token = page_of(rows, lambda row: BytesValue(value=b"x" * row[1]), page_size, lambda row: f"after {row[0]}")
    assert [len(message.value) for message in page] == sizes[:shown]
    assert token == (f"after {shown - 1}" if shown < len(sizes) else "")
