"""Every method of every room is asked anything at all: it answers, or refuses with a reason, and the room serves on."""

import os
import socket

import pytest
from fuzz.messages import messages
from fuzz.rooms import ROOMS, a_fuzzed_room, methods_of
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from quirks import WRITTEN_TOO_LATE

from pager_grpc.runtime.errors import INTERNAL_TEXT

MORE = int(os.environ.get("FUZZ_EXAMPLES", "0"))
"""How many examples a method, at random; by default the same few each time."""
FEW = 12
ALLOWED = {
    "OK",
    "INVALID_ARGUMENT",
    "NOT_FOUND",
    "ALREADY_EXISTS",
    "FAILED_PRECONDITION",
    "ABORTED",
    "RESOURCE_EXHAUSTED",
    "PERMISSION_DENIED",
    "UNAVAILABLE",
}
METHODS = [(room, method) for room in ROOMS for method in methods_of(room)]
NOISE = [
    b"",
    b"\x00" * 9,
    b"GET / HTTP/1.1\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 64,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"
    + b"\x00\xff\xff\x01\x05\x00\x00\x00\x01" * 50,
    bytes(range(256)) * 64,
]


@pytest.fixture(scope="module")
def rooms(tmp_path_factory):
    """One of each, for all methods: what they store meanwhile is part of the trouble."""
    opened, running = {}, []

    def room(name):
        if name not in opened:
            running.append(a_fuzzed_room(name, tmp_path_factory.mktemp(name)))
            opened[name] = running[-1].__enter__()
        return opened[name]

    yield room
    for context in running:
        context.__exit__(None, None, None)


@pytest.mark.parametrize(("name", "method"), METHODS, ids=[f"{name}-{method.name}" for name, method in METHODS])
def test_no_request_breaks_a_method(rooms, name, method):
    room = rooms(name)

    @settings(
        max_examples=MORE or FEW,
        derandomize=not MORE,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(messages(method.input_type), min_size=1, max_size=3 if method.client_streaming else 1))
    def asked(sent):
        code, said = room.ask(method, sent)
        assert code in ALLOWED or said == WRITTEN_TOO_LATE, (code, said, sent)
        assert said != INTERNAL_TEXT

    asked()
    assert room.is_serving()


@pytest.mark.parametrize("name", list(ROOMS))
def test_no_bytes_on_the_socket_break_a_room(rooms, name):
    room = rooms(name)
    host, _, port = room.address.partition(":")
    for noise in NOISE:
        with socket.create_connection((host, int(port)), timeout=10) as connection:
            connection.sendall(noise)
    assert room.is_serving()
