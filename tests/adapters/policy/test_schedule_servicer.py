import asyncio
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from icalendar import Calendar

from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as people_grpc
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.gen.policy.v1 import schedule_service_pb2_grpc as pb_grpc
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.migrations import migrate

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEEK = pb.Rotation.UNIT_WEEK
ACCEPTED, DECLINED = pb.ShiftSwap.STATE_ACCEPTED, pb.ShiftSwap.STATE_DECLINED


def stamp(moment):
    timestamp = Timestamp()
    timestamp.FromDatetime(moment)
    return timestamp


def between(start, end):
    return {"start_time": stamp(start), "end_time": stamp(end)}


def a_layer(*people, layer_id="primary", start="2020-01-06T09:00", unit=WEEK, **more):
    rotation = pb.Rotation(person_ids=people or ("ana", "ben"), unit=unit, start_local_time=start)
    return pb.Layer(layer_id=layer_id, rotation=rotation, **more)


def a_schedule(schedule_id="shop", *layers, zone="Europe/Berlin", **more):
    return pb.Schedule(schedule_id=schedule_id, time_zone=zone, layers=layers or [a_layer()], **more)


class Policy:
    """The two services, in few words; ``now`` is a whole second of the present."""

    def __init__(self, channel):
        self.schedules = pb_grpc.ScheduleServiceStub(channel)
        self.people = people_grpc.PeopleServiceStub(channel)
        self.now = datetime.now(UTC).replace(microsecond=0)

    async def person(self, person_id, display_name=""):
        method = people_pb.ContactMethod(contact_method_id="mail", email_address=f"{person_id}@example.com")
        person = people_pb.Person(person_id=person_id, display_name=display_name, contact_methods=[method])
        await self.people.CreatePerson(people_pb.CreatePersonRequest(person=person))

    async def create(self, schedule=None):
        request = pb.CreateScheduleRequest(schedule=schedule or a_schedule())
        return (await self.schedules.CreateSchedule(request)).schedule

    async def get(self, schedule_id="shop"):
        return (await self.schedules.GetSchedule(pb.GetScheduleRequest(schedule_id=schedule_id))).schedule

    async def override(self, override, schedule_id="shop"):
        request = pb.CreateOverrideRequest(schedule_id=schedule_id, override=override)
        return (await self.schedules.CreateOverride(request)).schedule

    async def swap(self, *people, **more):
        names = dict(zip(("from_person_id", "to_person_id"), people, strict=True))
        span = between(self.now + HOUR, self.now + 14 * DAY)
        swap = pb.ShiftSwap(**{"shift_swap_id": "s-1"} | names | span | more)
        request = pb.RequestShiftSwapRequest(schedule_id="shop", shift_swap=swap)
        return (await self.schedules.RequestShiftSwap(request)).shift_swap

    async def answer(self, answer, shift_swap_id="s-1"):
        request = pb.AnswerShiftSwapRequest(schedule_id="shop", shift_swap_id=shift_swap_id, answer=answer)
        return (await self.schedules.AnswerShiftSwap(request)).shift_swap

    async def shifts(self, start, end, schedule_id="shop"):
        request = pb.ListShiftsRequest(schedule_id=schedule_id, **between(start, end))
        return (await self.schedules.ListShifts(request)).shifts

    async def on_call(self, **asked):
        return (await self.schedules.ListOnCall(pb.ListOnCallRequest(**asked))).schedules

    async def calendar(self, **subject):
        return (await self.schedules.ExportCalendar(pb.ExportCalendarRequest(**subject))).calendar


def people_of(shift):
    return [one.person_id for one in shift.on_call]


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as failed:
        await call
    fault = fault_of(failed.value)
    return fault.code.name, fault.reason.removeprefix("ERROR_REASON_"), dict(fault.metadata)


@pytest.fixture
async def policy(channel):
    made = Policy(channel)
    for name in ("ana", "ben", "cy"):
        await made.person(name, name.title())
    return made


async def test_a_schedule_is_stored_as_it_was_said(policy):
    office = pb.Restriction(days=[pb.Restriction.DAY_MONDAY], start_local_time="09:00", end_local_time="17:30")
    limits = between(policy.now, policy.now + DAY)
    said = a_schedule(
        "shop",
        a_layer(),
        a_layer("cy", layer_id="office", restrictions=[office], covering=True, **limits),
        display_name="Shop",
    )
    stored = await policy.create(said)
    assert (stored.revision, bool(stored.etag)) == (1, True)
    assert stored == await policy.get()
    for field in ("revision", "etag", "create_time", "update_time"):
        stored.ClearField(field)
    said.layers[0].rotation.length = said.layers[1].rotation.length = 1
    assert stored == said


async def test_schedules_are_listed_page_by_page(policy):
    for name in ("b", "a", "c"):
        await policy.create(a_schedule(name))
    first = await policy.schedules.ListSchedules(pb.ListSchedulesRequest(page_size=2))
    rest = await policy.schedules.ListSchedules(pb.ListSchedulesRequest(page_size=2, page_token=first.next_page_token))
    assert [s.schedule_id for s in [*first.schedules, *rest.schedules]] == ["a", "b", "c"]
    assert rest.next_page_token == ""


async def test_an_update_replaces_the_layers_and_keeps_the_overrides(policy):
    await policy.create()
    override = pb.Override(
        override_id="o", add=pb.Override.Add(person_id="cy"), **between(policy.now, policy.now + DAY)
    )
    before = await policy.override(override)
    request = pb.UpdateScheduleRequest(schedule=a_schedule("shop", a_layer("cy")), etag=before.etag)
    after = (await policy.schedules.UpdateSchedule(request)).schedule
    assert (after.revision, list(after.layers[0].rotation.person_ids)) == (3, ["cy"])
    assert [each.override_id for each in after.overrides] == ["o"]
    assert await refused(policy.schedules.UpdateSchedule(request)) == (
        "ABORTED",
        "SCHEDULE_STALE",
        {"schedule_id": "shop"},
    )


async def test_a_schedule_is_ended(policy):
    stored = await policy.create()
    await policy.schedules.DeleteSchedule(pb.DeleteScheduleRequest(schedule_id="shop", etag=stored.etag))
    assert await refused(policy.get()) == ("NOT_FOUND", "SCHEDULE_UNKNOWN", {"schedule_id": "shop"})
    assert (await policy.create()).revision == 2


async def test_everybody_who_is_named_must_exist(policy):
    unknown = ("NOT_FOUND", "PERSON_UNKNOWN", {"person_id": "zoe"})
    assert await refused(policy.create(a_schedule("shop", a_layer("ana", "zoe")))) == unknown
    assert await refused(policy.get()) == ("NOT_FOUND", "SCHEDULE_UNKNOWN", {"schedule_id": "shop"})
    await policy.create()
    change = pb.Override.Replace(person_id="ana", replaced_person_id="zoe")
    override = pb.Override(override_id="o", replace=change, **between(policy.now, policy.now + DAY))
    assert await refused(policy.override(override)) == unknown
    assert await refused(policy.swap("ana", "zoe")) == unknown
    assert (await policy.get()).revision == 1


async def test_an_override_counts_at_once_and_a_repeat_changes_nothing(policy):
    await policy.create(a_schedule("shop", a_layer("ana")))
    change = pb.Override.Replace(person_id="cy")
    override = pb.Override(
        override_id="o", replace=change, reason="dentist", **between(policy.now + HOUR, policy.now + 2 * HOUR)
    )
    stored = await policy.override(override)
    assert list(stored.overrides) == [override]
    assert await policy.override(override) == stored
    found = await policy.shifts(policy.now + HOUR - HOUR / 2, policy.now + 3 * HOUR)
    assert [people_of(shift) for shift in found] == [["ana"], ["cy"], ["ana"]]
    assert (found[1].on_call[0].layer_id, found[1].on_call[0].override_id) == ("primary", "o")
    override.reason = "other"
    assert await refused(policy.override(override)) == (
        "ALREADY_EXISTS",
        "OVERRIDE_EXISTS",
        {"schedule_id": "shop", "override_id": "o"},
    )
    request = pb.DeleteOverrideRequest(schedule_id="shop", override_id="o")
    assert not (await policy.schedules.DeleteOverride(request)).schedule.overrides
    assert (await refused(policy.schedules.DeleteOverride(request)))[1] == "OVERRIDE_UNKNOWN"


async def test_the_same_override_from_many_at_once_is_one(policy):
    await policy.create()
    change = pb.Override.Add(person_id="cy")
    override = pb.Override(override_id="o", add=change, **between(policy.now + HOUR, policy.now + DAY))
    answers = await asyncio.gather(*(policy.override(override) for _ in range(5)))
    assert {(answer.revision, len(answer.overrides)) for answer in answers} == {(2, 1)}


async def test_a_swap_counts_when_it_is_accepted(policy):
    await policy.create(a_schedule("shop", a_layer("ana")))
    asked = await policy.swap("ana", "cy")
    assert asked.state == pb.ShiftSwap.STATE_REQUESTED
    assert await policy.swap("ana", "cy") == asked
    at = stamp(policy.now + DAY)
    assert [people_of(each.shift) for each in await policy.on_call(schedule_id="shop", at_time=at)] == [["ana"]]
    assert (await policy.answer(ACCEPTED)).state == ACCEPTED
    assert (await policy.answer(ACCEPTED)).state == ACCEPTED
    [answer] = await policy.on_call(schedule_id="shop", at_time=at)
    assert people_of(answer.shift) == ["cy"]
    assert [each.override_id for each in (await policy.get()).overrides] == ["swap/s-1"]
    assert await refused(policy.answer(DECLINED)) == (
        "FAILED_PRECONDITION",
        "SHIFT_SWAP_ANSWERED",
        {"schedule_id": "shop", "shift_swap_id": "s-1", "state": "accepted"},
    )
    assert (await refused(policy.swap("ana", "cy", reason="other")))[:2] == ("ALREADY_EXISTS", "SHIFT_SWAP_EXISTS")
    assert (await refused(policy.answer(ACCEPTED, "s-2")))[:2] == ("NOT_FOUND", "SHIFT_SWAP_UNKNOWN")
    assert await refused(policy.swap("ben", "ana", shift_swap_id="s-3")) == (
        "FAILED_PRECONDITION",
        "NOT_ON_CALL",
        {"schedule_id": "shop", "person_id": "ben"},
    )


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
    shifts = await policy.shifts(policy.now + HOUR, policy.now + 28 * DAY)
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


@pytest.mark.parametrize(
    ("schedule", "field"),
    [
        (pb.Schedule(), "schedule.schedule_id"),
        (a_schedule("shop", zone="Mars/Base"), "schedule.time_zone"),
        (a_schedule("shop", a_layer(unit=pb.Rotation.UNIT_UNSPECIFIED)), "schedule.layers[0].rotation.unit"),
        (a_schedule("shop", a_layer(start="2026-11-02")), "schedule.layers[0].rotation.start_local_time"),
        (a_schedule("shop", a_layer(start="2026-11-31T09:00")), "schedule.layers[0].rotation.start_local_time"),
        (a_schedule("shop", a_layer(start="2026-11-02T09:00Z")), "schedule.layers[0].rotation.start_local_time"),
        (a_schedule("shop", a_layer(), a_layer()), "schedule.layers[1].layer_id"),
        (a_schedule("shop", a_layer(covering=True)), "schedule.layers[0].covering"),
        (a_schedule("shop", a_layer(start_time=Timestamp(nanos=-1))), "schedule.layers[0].start_time"),
        (
            a_schedule("shop", a_layer(restrictions=[pb.Restriction(days=[8])])),
            "schedule.layers[0].restrictions[0].days[0]",
        ),
        (
            a_schedule("shop", a_layer(restrictions=[pb.Restriction(end_local_time="24:00")])),
            "schedule.layers[0].restrictions[0].end_local_time",
        ),
    ],
)
async def test_a_malformed_field_is_named_with_its_path(policy, schedule, field):
    code, reason, metadata = await refused(policy.create(schedule))
    assert (code, reason, metadata["field"]) == ("INVALID_ARGUMENT", "INVALID_FIELD", field)
