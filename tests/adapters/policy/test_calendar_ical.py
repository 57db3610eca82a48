"""The writing of a calendar, which may be long work, beside the loop."""

import asyncio
import threading

from pager_domain.policy.on_call_application import Calendar
from pager_grpc.policy.calendar_ical import calendar_text

PATIENCE_SECONDS = 10.0


def no_duties_before(turn):
    assert turn.wait(PATIENCE_SECONDS), "nobody else had a turn"
    yield from ()


async def test_others_have_their_turn_while_a_calendar_is_written():
    turn = threading.Event()
    asyncio.get_running_loop().call_soon(turn.set)
    assert "BEGIN:VCALENDAR" in await calendar_text(Calendar("ana", no_duties_before(turn), ()))
