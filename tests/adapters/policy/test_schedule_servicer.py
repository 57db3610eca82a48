import asyncio

import pytest
from adapters.policy.schedules import DAY, HOUR, a_layer, a_schedule, between, people_of, refused, stamp
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb

ACCEPTED, DECLINED = pb.ShiftSwap.STATE_ACCEPTED, pb.ShiftSwap.STATE_DECLINED


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
