import asyncio
from datetime import timedelta

import pytest
from fakes.policy_store import FakePolicyStore
from fakes.roster_builders import a_person
from fakes.roster_builders import a_schedule as named
from fakes.schedule_builders import a_layer, a_schedule, a_swap, add, an_override, names, remove, replace_by, utc

from pager_domain.errors import InvalidField, NotAllowed, StoreUnavailable
from pager_domain.policy.errors import (
    PersonInUse,
    PersonUnknown,
    ScheduleExists,
    ScheduleStale,
    ScheduleUnknown,
)
from pager_domain.policy.on_call_application import OnCallApplicationService
from pager_domain.policy.people_application import PeopleApplicationService
from pager_domain.policy.ports.roster_store import NamedBy
from pager_domain.policy.schedule_application import ScheduleApplicationService
from pager_domain.policy.schedule_errors import NotOnCall, OverrideExists, ScheduleInUse, ShiftSwapUnknown
from pager_domain.policy.schedules import SwapState

NOW = utc("2026-11-03 09:00")
SPAN = ("2026-11-03 10:00", "2026-11-03 12:00")


@pytest.fixture
async def store():
    made = FakePolicyStore()
    made.clock = NOW
    for name in ("ana", "ben", "cy"):
        await PeopleApplicationService(made).create(a_person(name, display_name=name.title()))
    return made


@pytest.fixture
def schedules(store):
    return ScheduleApplicationService(store)


@pytest.fixture
def on_call(store):
    return OnCallApplicationService(store)


async def test_a_schedule_is_created_changed_and_ended(schedules):
    created = await schedules.create(a_schedule())
    assert (created.revision, created.create_time) == (1, NOW)
    changed = await schedules.update(a_schedule(a_layer("cy")), created.etag)
    assert changed.revision == 2
    assert await schedules.schedule("shop") == changed
    assert await schedules.schedules(None, 10) == [changed]
    await schedules.delete("shop", changed.etag)
    with pytest.raises(ScheduleUnknown):
        await schedules.schedule("shop")


async def test_an_update_that_changes_nothing_makes_no_revision(schedules):
    created = await schedules.create(a_schedule())
    assert await schedules.update(a_schedule(), created.etag) == created


async def test_what_has_changed_since_it_was_read_is_not_changed_or_ended(schedules):
    created = await schedules.create(a_schedule())
    await schedules.create_override("shop", an_override(add("cy"), *SPAN))
    with pytest.raises(ScheduleStale):
        await schedules.update(a_schedule(display_name="Shop"), created.etag)
    with pytest.raises(ScheduleStale):
        await schedules.delete("shop", created.etag)


async def test_an_id_is_taken_once(schedules):
    await schedules.create(a_schedule())
    with pytest.raises(ScheduleExists):
        await schedules.create(a_schedule())


@pytest.mark.parametrize(
    "change",
    [
        lambda s: s.create(a_schedule(a_layer("ana", "zoe"))),
        lambda s: s.create_override("primary", an_override(add("zoe"), *SPAN)),
        lambda s: s.create_override("primary", an_override(remove("zoe"), *SPAN)),
        lambda s: s.create_override("primary", an_override(replace_by("ana", "zoe"), *SPAN)),
        lambda s: s.request_shift_swap("primary", a_swap("ana", "zoe")),
    ],
)
async def test_somebody_who_does_not_exist_is_not_named(schedules, store, change):
    before = await schedules.create(named("primary", "ana"))
    with pytest.raises(PersonUnknown) as refused:
        await change(schedules)
    assert refused.value.person_id == "zoe"
    assert await schedules.schedules(None, 10) == [before]


async def test_somebody_who_is_named_cannot_be_ended(schedules, store):
    await schedules.create(a_schedule(a_layer("ana")))
    await schedules.request_shift_swap("shop", a_swap("ana", "cy"))
    people = PeopleApplicationService(store)
    for person in ("ana", "cy"):
        with pytest.raises(PersonInUse):
            await people.delete(person, (await people.person(person)).etag)


@pytest.mark.parametrize(
    ("change", "place"),
    [
        (lambda s: s.create_override("shop", an_override(add("cy"), *SPAN)), "override 'o-1' of schedule 'shop'"),
        (lambda s: s.request_shift_swap("shop", a_swap("ana", "cy")), "shift swap 's-1' of schedule 'shop'"),
    ],
)
async def test_somebody_whom_only_an_old_change_names_can_be_ended_and_the_schedule_changed(
    schedules, store, change, place
):
    await schedules.create(a_schedule(a_layer("ana")))
    await change(schedules)
    people = PeopleApplicationService(store)
    cy = await people.person("cy")
    with pytest.raises(PersonInUse) as refused:
        await people.delete("cy", cy.etag)
    assert str(refused.value) == f"person 'cy' is named by {place}; take it out there first"
    store.clock = NOW + timedelta(days=31)
    await people.delete("cy", cy.etag)
    start, end = store.clock + timedelta(hours=1), store.clock + timedelta(hours=2)
    later = an_override(add("ben"), f"{start:%F %T}", f"{end:%F %T}", "o-2")
    assert (await schedules.create_override("shop", later)).definition.overrides == (later,)


async def test_a_schedule_that_a_policy_names_is_not_ended(store):
    class NamingStore(FakePolicyStore):
        async def named_by(self, kind, entry_id):
            return NamedBy("policy", "nights") if kind.name == "schedule" else await super().named_by(kind, entry_id)

    naming = NamingStore()
    naming.roster.update(store.roster)
    schedules = ScheduleApplicationService(naming)
    created = await schedules.create(a_schedule())
    with pytest.raises(ScheduleInUse) as refused:
        await schedules.delete("shop", created.etag)
    assert (refused.value.named_by_kind, refused.value.named_by_id) == ("policy", "nights")
    assert await schedules.schedule("shop") == created


async def test_an_override_is_made_once_and_taken_back(schedules):
    await schedules.create(a_schedule())
    first = await schedules.create_override("shop", an_override(add("cy"), *SPAN))
    assert (await schedules.create_override("shop", an_override(add("cy"), *SPAN))) == first
    assert first.revision == 2
    with pytest.raises(OverrideExists):
        await schedules.create_override("shop", an_override(remove("cy"), *SPAN))
    assert (await schedules.delete_override("shop", "o-1")).definition.overrides == ()


async def test_a_swap_is_requested_and_accepted_once(schedules, on_call):
    await schedules.create(a_schedule())
    assert (await schedules.request_shift_swap("shop", a_swap())).state is SwapState.REQUESTED
    assert (await schedules.answer_shift_swap("shop", "s-1", SwapState.ACCEPTED)).state is SwapState.ACCEPTED
    revision = (await schedules.schedule("shop")).revision
    assert (await schedules.request_shift_swap("shop", a_swap())).state is SwapState.ACCEPTED
    await schedules.answer_shift_swap("shop", "s-1", SwapState.ACCEPTED)
    assert (await schedules.schedule("shop")).revision == revision == 3
    answer = await on_call.on_call("shop", utc("2026-11-03 11:00"))
    assert names(answer.shifts[0].on_call) == ["ben"]


async def test_a_swap_is_answered_by_the_two_whom_it_is_between_each_with_the_own_answers(schedules):
    await schedules.create(a_schedule())
    await schedules.request_shift_swap("shop", a_swap())
    for by, answer, error in (
        ("cy", SwapState.ACCEPTED, ShiftSwapUnknown),
        ("", SwapState.DECLINED, ShiftSwapUnknown),
        ("ana", SwapState.ACCEPTED, NotAllowed),
        ("ben", SwapState.WITHDRAWN, NotAllowed),
    ):
        with pytest.raises(error):
            await schedules.answer_shift_swap("shop", "s-1", answer, by)
    assert (await schedules.answer_shift_swap("shop", "s-1", SwapState.ACCEPTED, "ben")).state is SwapState.ACCEPTED


async def test_what_cannot_be_leaves_no_revision(schedules):
    created = await schedules.create(a_schedule())
    with pytest.raises(NotOnCall):
        await schedules.request_shift_swap("shop", a_swap("ben", "ana"))
    with pytest.raises(ShiftSwapUnknown):
        await schedules.answer_shift_swap("shop", "s-1", SwapState.ACCEPTED)
    assert await schedules.schedule("shop") == created


@pytest.mark.parametrize(
    "call",
    [
        lambda s: s.update(a_schedule(), "etag"),
        lambda s: s.delete("shop", "etag"),
        lambda s: s.create_override("shop", an_override(add("cy"), *SPAN)),
        lambda s: s.delete_override("shop", "o-1"),
        lambda s: s.request_shift_swap("shop", a_swap()),
        lambda s: s.answer_shift_swap("shop", "s-1", SwapState.ACCEPTED),
    ],
)
async def test_a_schedule_that_is_not_there_is_unknown(schedules, call):
    with pytest.raises(ScheduleUnknown):
        await call(schedules)


async def test_racing_overrides_are_all_kept(schedules):
    await schedules.create(a_schedule())
    made = [an_override(add("cy"), *SPAN, override_id=f"o-{number}") for number in range(5)]
    await asyncio.gather(*(schedules.create_override("shop", override) for override in made))
    assert len((await schedules.schedule("shop")).definition.overrides) == 5


async def test_shifts_begin_now_and_last_four_weeks_unless_said(schedules, on_call):
    await schedules.create(a_schedule())
    found = (await on_call.shifts("shop", None, None)).shifts
    assert (found[0].starts_at, found[-1].ends_at) == (NOW, NOW + timedelta(days=28))
    start, end = NOW + timedelta(days=400), NOW + timedelta(days=766)
    found = (await on_call.shifts("shop", start, end)).shifts
    assert (found[0].starts_at, found[-1].ends_at) == (start, end)
    with pytest.raises(InvalidField):
        await on_call.shifts("shop", start, end + timedelta(seconds=1))
    with pytest.raises(ScheduleUnknown):
        await on_call.shifts("other", None, None)


async def test_who_was_on_call_is_answered_by_the_revision_that_stood(schedules, on_call, store):
    created = await schedules.create(a_schedule(a_layer("ana")))
    store.clock = NOW + timedelta(hours=2)
    await schedules.update(a_schedule(a_layer("cy")), created.etag)
    told = [names(shift.on_call) for shift in (await on_call.shifts("shop", NOW, NOW + timedelta(days=1))).shifts]
    assert told == [["ana"], ["cy"]]
    moments = (NOW, NOW + timedelta(minutes=119), NOW + timedelta(hours=2), None)
    [answers] = [[(await on_call.on_call("shop", at)).shifts[0] for at in moments]]
    assert [names(shift.on_call) for shift in answers] == [["ana"], ["ana"], ["cy"], ["cy"]]
    assert answers[0].ends_at == answers[2].starts_at == NOW + timedelta(hours=2)


async def test_every_schedule_says_who_is_on_call_page_by_page(schedules, on_call):
    for name, person in (("a", "ana"), ("b", "ben"), ("c", "cy")):
        await schedules.create(named(name, person))
    found = await on_call.all_on_call(None, None, 2)
    assert [(answer.schedule.schedule_id, names(answer.shifts[0].on_call)) for answer in found] == [
        ("a", ["ana"]),
        ("b", ["ben"]),
    ]
    assert [answer.schedule.schedule_id for answer in await on_call.all_on_call(None, "b", 2)] == ["c"]


async def test_a_calendar_has_the_duties_of_a_schedule_or_of_a_person(schedules, on_call, store):
    await schedules.create(named("a", "ana", "ben", display_name="Alpha"))
    await schedules.create(named("b", "cy", "ana"))
    of_schedule = await on_call.calendar_of_schedule("a")
    assert of_schedule.name == "Alpha"
    assert [duty.person_id for duty in of_schedule.duties[:3]] == ["ana", "ben", "ana"]
    assert of_schedule.duties[0].starts_at == NOW
    assert of_schedule.duties[-1].ends_at == utc("2027-01-03")
    of_person = await on_call.calendar_of_person("ana")
    assert of_person.name == "Ana"
    assert {duty.person_id for duty in of_person.duties} == {"ana"}
    assert [duty.schedule.schedule_id for duty in of_person.duties[:4]] == ["a", "b", "a", "b"]
    with pytest.raises(PersonUnknown):
        await on_call.calendar_of_person("zoe")
    with pytest.raises(ScheduleUnknown):
        await on_call.calendar_of_schedule("zoe")


async def test_a_store_out_of_reach_is_told(schedules, on_call, store):
    store.unreachable = True
    for call in (schedules.create(a_schedule()), schedules.schedules(None, 1), on_call.all_on_call(None, None, 1)):
        with pytest.raises(StoreUnavailable):
            await call
