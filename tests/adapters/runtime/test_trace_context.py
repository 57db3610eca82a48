"""Traceparents: what is one, and what goes on with a call."""

import pytest

from pager_grpc.runtime.trace_context import (
    checked_traceparent,
    current_traceparent,
    followed_traceparent,
    ids_of,
    outgoing_metadata,
    traceparent_in,
)

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
SAMPLED, UNSAMPLED = f"00-{TRACE}-{SPAN}-01", f"00-{TRACE}-{SPAN}-00"


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "00",
        f"00-{TRACE.upper()}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"ff-{TRACE}-{SPAN}-01",
        f"00-{TRACE}-{SPAN}-01-more",
        f"00-{TRACE}-{SPAN}-01\n",
        f"01-{TRACE}-{SPAN}-01-" + "x" * 1000,
        SAMPLED.encode(),
        None,
    ],
)
def test_what_is_no_traceparent_counts_as_none(nonsense):
    assert checked_traceparent(nonsense) == ""


def test_a_traceparent_of_a_later_version_is_read_as_this_one():
    assert checked_traceparent(f"01-{TRACE}-{SPAN}-03-more") == SAMPLED


def test_a_call_says_its_traceparent_and_is_heard():
    token = current_traceparent.set(UNSAMPLED)
    try:
        said = outgoing_metadata()
        assert traceparent_in([("user-agent", "x"), *said]) == UNSAMPLED
        assert followed_traceparent() == "", "what nobody records is not stored"
    finally:
        current_traceparent.reset(token)
    assert outgoing_metadata() is None
    assert traceparent_in(None) == ""


def test_logs_name_the_two_ids():
    assert ids_of(SAMPLED) == {"trace_id": TRACE, "span_id": SPAN}
    assert ids_of("") == {}
