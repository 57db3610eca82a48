"""Calendars as iCalendar texts (RFC 5545)."""

import asyncio
import hashlib
import json

import icalendar

from pager_domain.policy.on_call_application import Calendar
from pager_domain.policy.schedule_history import Duty

_PRODUCT = "-//hexagonal-pager//on call//EN"
_DOMAIN = "hexagonal-pager"


async def calendar_text(calendar: Calendar) -> str:
    """One event a duty, in UTC; the same duty has the same UID in every export."""
    # Thousands of duties are half a second of work, which no page shall wait for.
    return await asyncio.to_thread(_written, calendar)


def _written(calendar: Calendar) -> str:
    written = icalendar.Calendar()
    written.add("prodid", _PRODUCT)
    written.add("version", "2.0")
    # The library escapes what it knows as text; this widely read extension it does not know.
    written.add("x-wr-calname", icalendar.vText(f"On call: {calendar.name}"))
    changed = {schedule.schedule_id: schedule for schedule in calendar.schedules}
    for duty in calendar.duties:
        schedule = changed[duty.schedule.schedule_id]
        event = _event(duty)
        event.add("dtstamp", schedule.update_time)
        event.add("sequence", schedule.revision)
        written.add_component(event)
    text: bytes = written.to_ical()
    return text.decode()


def _event(duty: Duty) -> icalendar.Event:
    schedule = duty.schedule
    event = icalendar.Event()
    event.add("uid", f"{_identity(duty)}@{_DOMAIN}")
    event.add("summary", f"{duty.person_id} on call: {schedule.display_name or schedule.schedule_id}")
    event.add("dtstart", duty.starts_at)
    event.add("dtend", duty.ends_at)
    event.add("transp", "TRANSPARENT")  # on call is not busy
    return event


def _identity(duty: Duty) -> str:
    # The edges of the span that is exported move from day to day, so they name no duty.
    edges = (duty.starts_at if duty.begun else None, duty.ends_at if duty.ended and not duty.begun else None)
    named = [duty.schedule.schedule_id, duty.person_id, *(edge and edge.isoformat() for edge in edges)]
    return hashlib.sha256(json.dumps(named).encode()).hexdigest()[:32]
