"""Tables on a terminal of any width: nothing is cut, and what has no room is said."""

import asyncio
import fcntl
import os
import pty
import re
import struct
import sys
import termios

import pytest
from cli.scripted_servers import an_incident

from pager_cli.table_layout import layout
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as notifier_pb
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

INCIDENT_ID, DELIVERY_ID = "01a22c89d407f9fd90a10ec0", "01a22c89d407f9fd90a10ec0-1-1-a2682ebeb90f"
MESSAGE = "card payments fail for everybody whose bank asks for a second factor"
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


async def on_a_terminal(pagerctl, columns, *arguments):
    """The lines that a terminal of so many columns shows."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    inherited = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pager_cli.pagerctl", *arguments),
        stdout=theirs,
        env={**inherited, **pagerctl.environment, "TERM": "xterm"},
    )
    os.close(theirs)
    assert await process.wait() == 0
    seen = os.read(ours, 65536).decode()
    os.close(ours)
    return [line.rstrip() for line in COLOURS.sub("", seen).split("\r\n")]


@pytest.mark.parametrize(
    ("columns", "stay", "go"),
    [
        (40, "INCIDENT SERVICE STATE", "SEVERITY, LEVEL, ALERTS, OPENED, NEXT, MESSAGE"),
        (60, "INCIDENT SERVICE STATE MESSAGE", "SEVERITY, LEVEL, ALERTS, OPENED, NEXT"),
        (80, "INCIDENT SERVICE STATE SEVERITY NEXT MESSAGE", "LEVEL, ALERTS, OPENED"),
        (160, "INCIDENT SERVICE STATE SEVERITY LEVEL ALERTS OPENED NEXT MESSAGE", ""),
    ],
)
async def test_what_has_no_room_goes_whole_and_is_named(pagerctl, pager, columns, stay, go):
    incident = an_incident(INCIDENT_ID, message=MESSAGE, service="shop")
    pager.script.answers("ListIncidents", pb.ListIncidentsResponse(incidents=[incident]))
    titles, *lines = await on_a_terminal(pagerctl, columns, "incidents")
    shown = " ".join(lines)
    assert titles.split() == stay.split()
    assert lines[0].split()[0] == INCIDENT_ID
    assert max(map(len, [titles, *lines])) <= columns
    assert (f"no room for {go}: a wider terminal or --json has them" in shown) == bool(go)
    assert all(word in shown for word in MESSAGE.split()) == ("MESSAGE" in stay)


async def test_a_text_wraps_beside_an_id_that_is_whole(pagerctl, notifier):
    answer = "550 5.1.1 the mailbox of the recipient is not known here"
    delivery = notifier_pb.Delivery(delivery_id=DELIVERY_ID, provider_answer=answer, recipient_hint="…@example.com")
    notifier.script.answers("ListDeliveries", notifier_pb.ListDeliveriesResponse(deliveries=[delivery]))
    lines = await on_a_terminal(pagerctl, 100, "deliveries")
    assert lines[1].startswith(DELIVERY_ID)
    assert all(word in " ".join(lines[1:]) for word in answer.split())


def test_the_columns_go_in_their_order_and_the_rest_share_the_room():
    lines = [("ID", "TEXT", "WHEN"), ("a" * 24, "one two three four five six seven", "in 26 min")]
    everything = layout(lines, 100, (2,))
    assert (dict(everything.kept), everything.left_out) == ({0: 24, 1: 33, 2: 9}, [])
    assert dict(layout(lines, 54, (2,)).kept) == {0: 24, 1: 17, 2: 9}
    assert layout(lines, 52, (2,)).left_out == [2]
    assert layout(lines, 52, ()).left_out == [2]
    assert dict(layout(lines, 30, (2,)).kept) == {0: 24}


def test_one_long_name_does_not_take_all_the_room():
    assert dict(layout([("SERVICE", "STATE"), ("x" * 255, "open")], 80, ()).kept) == {0: 73, 1: 5}
    assert dict(layout([("SERVICE", "STATE"), ("x" * 255, "open")], 20, ()).kept) == {0: 20}
