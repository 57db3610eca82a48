"""Shifts, who is on call at a moment, and calendars."""

from datetime import UTC, datetime, timedelta

from adapters.policy.schedules import DAY, HOUR, Policy, a_layer, a_schedule, people_of, refused, stamp
from icalendar import Calendar

from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.migrations import migrate


async def test_shifts_are_four_weeks_from_now_unless_said_and_have_no_hole(policy):
    await policy.create()
    answer = await policy.schedules.ListShifts(pb.ListShiftsRequest(schedule_id="shop"))
    assert answer.time_zone == "Europe/Berlin"
    span = answer.shifts[-1].end_time.ToDatetime() - answer.shifts[0].start_time.ToDatetime()
    assert span == timedelta(days=28)
    assert all(a.end_time == b.start_time for a, b in zip(answer.shifts, answer.shifts[1:], strict=False))


async def test_who_is_on_call_is_asked_of_all_schedules_page_by_page(policy):
    await policy.create(a_schedule("a", a_layer("ana")))
    await policy.create(a_schedule("b", a_layer("ben", start="2199-01-01T00:00"), zone="UTC"))
    await policy.create(a_schedule("c", a_layer("cy")))
    first = await policy.schedules.ListOnCall(pb.ListOnCallRequest(page_size=2))
    rest = await policy.schedules.ListOnCall(pb.ListOnCallRequest(page_size=2, page_token=first.next_page_token))
    told = [(each.schedule_id, people_of(each.shift), each.time_zone) for each in [*first.schedules, *rest.schedules]]
    assert told == [("a", ["ana"], "Europe/Berlin"), ("b", [], "UTC"), ("c", ["cy"], "Europe/Berlin")]
    assert rest.next_page_token == ""


async def test_nobody_was_on_call_before_the_schedule_was_made(policy):
    stored = await policy.create(a_schedule("shop", a_layer("ana")))
    made = stored.create_time.ToDatetime(UTC)
    found = await policy.shifts(made - HOUR, made + HOUR)
    assert [people_of(shift) for shift in found] == [[], ["ana"]]
    assert found[0].end_time == stored.create_time


class SettableClock:
    """A clock that tests move."""

    def __init__(self, now):
        self.moment = now

    def now(self):
        return self.moment


async def test_a_past_moment_is_answered_by_the_revision_that_stood(tmp_path):
    clock = SettableClock(datetime(2026, 11, 3, 9, tzinfo=UTC))
    database = open_database(f"sqlite+aiosqlite:///{tmp_path / 'policy.db'}", clock=clock)
    await migrate(database, "policy")
    async with (
        running_policy(PolicySettings(POLICY_LISTEN="127.0.0.1:0"), database=database) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
    ):
        policy = Policy(channel)
        await policy.person("ana")
        await policy.person("ben")
        stored = await policy.create(a_schedule("shop", a_layer("ana")))
        clock.moment += HOUR
        request = pb.UpdateScheduleRequest(schedule=a_schedule("shop", a_layer("ben")), etag=stored.etag)
        await policy.schedules.UpdateSchedule(request)
        past = await policy.on_call(schedule_id="shop", at_time=stamp(clock.moment - HOUR / 2))
        present = await policy.on_call(schedule_id="shop")
        assert [people_of(answer.shift) for answer in (*past, *present)] == [["ana"], ["ben"]]
    await database.close()


async def test_a_calendar_is_read_back_by_the_library(policy):
    await policy.create(a_schedule("shop", display_name="Shop; the, big\none"))
    text = await policy.calendar(schedule_id="shop")
    calendar = Calendar.from_ical(text)
    events = calendar.walk("VEVENT")
    found = await policy.shifts(policy.now - HOUR, policy.now + 28 * DAY)
    shifts = [shift for shift in found if shift.on_call]  # before the schedule was made nobody was
    assert "\r\nX-WR-CALNAME:On call: Shop\\; the\\, big\\none\r\n" in text
    assert [(str(e["SUMMARY"])[:3], e.end) for e in events[:3]] == [
        (people_of(shift)[0], shift.end_time.ToDatetime(UTC)) for shift in shifts[:3]
    ]
    assert all(event.start.tzinfo is not None and event.start.utcoffset() == timedelta(0) for event in events)
    assert {str(event["SUMMARY"])[3:] for event in events} == {" on call: Shop; the, big\none"}
    uids = [str(event["UID"]) for event in events]
    assert len(set(uids)) == len(uids)
    again = Calendar.from_ical(await policy.calendar(schedule_id="shop"))
    assert [str(event["UID"]) for event in again.walk("VEVENT")] == uids
    assert "\r\n" in text


async def test_a_person_has_one_calendar_of_all_schedules(policy):
    await policy.create(a_schedule("a", a_layer("ana"), display_name="Alpha"))
    await policy.create(a_schedule("b", a_layer("ben", "ana"), display_name="Beta"))
    await policy.create(a_schedule("c", a_layer("ben"), display_name="Gamma"))
    calendar = Calendar.from_ical(await policy.calendar(person_id="ana"))
    assert str(calendar["X-WR-CALNAME"]) == "On call: Ana"
    summaries = {str(event["SUMMARY"]) for event in calendar.walk("VEVENT")}
    assert summaries == {"ana on call: Alpha", "ana on call: Beta"}
    assert (await refused(policy.calendar(person_id="zoe")))[1] == "PERSON_UNKNOWN"
    assert (await refused(policy.calendar()))[2]["field"] == "subject"
