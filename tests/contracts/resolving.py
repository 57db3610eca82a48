"""Whom policies page, as every policy store must let it be answered: people, schedules and turns of one moment."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from fakes.policy_builders import ANA as ANA_ADDRESS
from fakes.policy_builders import a_level, a_policy
from fakes.roster_builders import a_method, a_person, a_rotation, a_schedule

from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.directory import NewestPolicy, OnePerson, Question
from pager_domain.policy.errors import PersonUnknown, PolicyUnknown, TargetUnknown
from pager_domain.policy.levels import Selection, person_target, schedule_target
from pager_domain.policy.model import PolicyRevision
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.ports.policy_store import PolicyStore
from pager_domain.policy.ports.roster_store import NamedBy
from pager_domain.policy.resolved import UnreachedReason
from pager_domain.policy.schedules import SCHEDULES, Layer, LayerId
from pager_domain.policy.turns import Seat, Turns

VERIFIED = datetime(2026, 1, 1, tzinfo=UTC)
BY_TURNS = Selection.ROUND_ROBIN


def reachable(person_id):
    return a_person(person_id, a_method("mail", f"{person_id}@example.com", VERIFIED))


def always_on_call(schedule_id, person_id):
    rotation = a_rotation(person_id, starts_at=datetime(2020, 1, 1))  # noqa: DTZ001 - wall time
    return a_schedule(schedule_id, layers=(Layer(LayerId("always"), rotation),))


def of_incident(incident_id, subject="checkout"):
    return Question(subject, incident_id=incident_id)


def people_of(answer, level=1):
    return [target.person_id for target in answer.levels[level - 1].targets]


class ResolvingContract:
    """The promises, told through the use cases."""

    @pytest.fixture
    def store(self) -> PolicyStore:
        raise NotImplementedError

    @pytest.fixture
    def policies(self, store):
        return PolicyApplicationService(store)

    @pytest.fixture
    def keep(self, store):
        async def kept(kind, definition):
            async def work(unit):
                record = await unit.lock_entry(kind, definition.entry_id)
                make = record.create if record.live is None else record.change
                entry = make(definition, await unit.now())
                await unit.save_entry(kind, entry)
                return entry

            return await store.atomically(work)

        return kept

    @pytest.fixture
    def end(self, store):
        async def ended(kind, entry_id):
            async def work(unit):
                await unit.lock_entry(kind, entry_id)
                await unit.end_entry(kind, entry_id, await unit.now())

            await store.atomically(work)

        return ended

    @pytest.fixture(autouse=True)
    async def team(self, keep):
        """Three people and a schedule on which Ana always is on call."""
        for person_id in ("ana", "ben", "cem"):
            await keep(PEOPLE, reachable(person_id))
        await keep(SCHEDULES, always_on_call("duty", "ana"))

    async def test_people_and_schedules_are_resolved_to_those_who_are_there_now(self, policies, keep):
        await policies.create(
            a_policy("shop", "checkout", levels=(a_level(schedule_target("duty")), a_level(person_target("ben"))))
        )
        answer = await policies.resolve(Question("checkout"))
        assert (people_of(answer, 1), people_of(answer, 2)) == (["ana"], ["ben"])
        await keep(SCHEDULES, always_on_call("duty", "cem"))
        assert people_of(await policies.resolve(Question("checkout"))) == ["cem"]

    async def test_a_policy_survives_with_all_that_it_says(self, store, policies):
        levels = (a_level(person_target("ana", "first"), schedule_target("duty"), selection=BY_TURNS),)
        spans = {"acknowledgement_expiry": timedelta(hours=4), "reopen_window": timedelta(minutes=5)}
        stored = await policies.create(a_policy("shop", "checkout", levels=levels, **spans))
        assert await store.policy("shop") == stored
        answer = await policies.resolve(Question(PolicyRevision("shop", 1)))
        assert (answer.acknowledgement_expiry, answer.reopen_window) == tuple(spans.values())

    async def test_a_policy_is_resolved_by_its_id_while_it_lives(self, policies):
        first = await policies.create(a_policy("shop", levels=(a_level(person_target("ana")),)))
        second = await policies.update(a_policy("shop", levels=(a_level(person_target("ben")),)), first.etag)
        answer = await policies.resolve(Question(NewestPolicy("shop")))
        assert (answer.revision, people_of(answer)) == (2, ["ben"])
        await policies.delete("shop", second.etag)
        with pytest.raises(PolicyUnknown):
            await policies.resolve(Question(NewestPolicy("shop")))

    async def test_one_person_is_resolved_also_when_pinned(self, policies):
        answer = await policies.resolve(Question(OnePerson("ben")))
        pinned = await policies.resolve(Question(PolicyRevision(answer.policy_id, answer.revision)))
        assert answer == pinned
        assert people_of(answer) == ["ben"]
        with pytest.raises(PersonUnknown):
            await policies.resolve(Question(OnePerson("eve")))
        with pytest.raises(PolicyUnknown):
            await policies.resolve(Question(PolicyRevision("person/eve", 1)))

    async def test_a_past_moment_is_answered_by_the_schedule_that_stood_then_and_by_the_people_of_now(
        self, policies, keep
    ):
        first = await keep(SCHEDULES, always_on_call("later", "ana"))
        await policies.create(a_policy("shop", "checkout", levels=(a_level(schedule_target("later")),)))
        second = await keep(SCHEDULES, always_on_call("later", "ben"))
        moments = [first.update_time - timedelta(seconds=1), first.update_time, second.update_time, None]
        answers = await policies.resolve_all([Question("checkout", moment) for moment in moments])
        assert [people_of(answer) for answer in answers] == [[], ["ana"], ["ben"], ["ben"]]
        assert [each.reason for each in answers[0].levels[0].unreached] == [UnreachedReason.SCHEDULE_UNKNOWN]

    async def test_whom_a_policy_names_must_be_there(self, policies, store):
        for target, field in (
            (person_target("eve"), "levels[1].targets[1].person_id"),
            (schedule_target("none"), "levels[1].targets[1].schedule_id"),
        ):
            with pytest.raises(TargetUnknown) as refused:
                await policies.create(a_policy("shop", levels=(a_level(), a_level(ANA_ADDRESS, target))))
            assert refused.value.field == field
        assert await store.policy("shop") is None

    async def test_who_has_ended_is_not_there(self, policies, end):
        await end(PEOPLE, "ben")
        with pytest.raises(TargetUnknown):
            await policies.create(a_policy("shop", levels=(a_level(person_target("ben")),)))

    async def test_who_is_named_by_a_live_policy_is_known_to_be(self, store, policies):
        created = await policies.create(
            a_policy("shop", levels=(a_level(person_target("ben")), a_level(schedule_target("duty"))))
        )
        named = [
            await store.atomically(lambda unit, kind=kind, name=name: unit.named_by(kind, name))
            for kind, name in ((PEOPLE, "ben"), (SCHEDULES, "duty"), (PEOPLE, "ana"), (PEOPLE, "cem"))
        ]
        assert named == [NamedBy("policy", "shop"), NamedBy("policy", "shop"), NamedBy("schedule", "duty"), None]
        updated = await policies.update(a_policy("shop", levels=(a_level(schedule_target("duty")),)), created.etag)
        assert await store.atomically(lambda unit: unit.named_by(PEOPLE, "ben")) is None
        await policies.delete("shop", updated.etag)
        assert await store.atomically(lambda unit: unit.named_by(SCHEDULES, "duty")) is None

    async def test_of_a_policy_that_names_somebody_and_an_end_at_the_same_time_one_is_refused(self, store, policies):
        async def end_unless_named(unit):
            await unit.lock_entry(PEOPLE, "cem")
            if await unit.named_by(PEOPLE, "cem") is not None:
                return "named"
            await unit.end_entry(PEOPLE, "cem", await unit.now())
            return "ended"

        results = await asyncio.gather(
            policies.create(a_policy("shop", levels=(a_level(person_target("cem")),))),
            store.atomically(end_unless_named),
            return_exceptions=True,
        )
        assert (type(results[0]) is TargetUnknown) == (results[1] == "ended")

    @pytest.fixture
    async def shift(self, policies):
        """A policy whose first level notifies Ana, Ben and Cem by turns."""
        targets = [person_target(name) for name in ("ana", "ben", "cem")]
        return await policies.create(a_policy("shop", "checkout", levels=(a_level(*targets, selection=BY_TURNS),)))

    async def test_incidents_take_turns_and_each_keeps_its_turn(self, policies, shift):
        answers = await policies.resolve_all([of_incident(name) for name in ("i1", "i2", "i1")])
        assert [people_of(answer) for answer in answers] == [["ana"], ["ben"], ["ana"]]
        answers = await policies.resolve_all([of_incident(name) for name in ("i3", "i2", "i4")])
        assert [people_of(answer) for answer in answers] == [["cem"], ["ben"], ["ana"]]

    async def test_a_turn_is_kept_by_later_revisions_of_the_policy(self, policies, shift):
        await policies.resolve_all([of_incident("i1"), of_incident("i2")])
        fewer = a_level(person_target("cem"), person_target("ana"), selection=BY_TURNS)
        await policies.update(a_policy("shop", "checkout", levels=(fewer,)), shift.etag)
        assert people_of(await policies.resolve(of_incident("i2"))) == ["ana"]
        pinned = of_incident("i2", PolicyRevision("shop", 1))
        assert people_of(await policies.resolve(pinned)) == ["ben"]

    async def test_without_an_incident_the_next_one_answers_and_nothing_is_kept(self, policies, shift):
        for _ in range(2):
            assert people_of(await policies.resolve(Question("checkout"))) == ["ana"]
        await policies.resolve(of_incident("i1"))
        for _ in range(2):
            assert people_of(await policies.resolve(Question("checkout"))) == ["ben"]

    async def test_of_racing_questions_each_incident_has_one_turn_and_each_turn_one_incident(self, policies, shift):
        asked = [[of_incident(f"i{n}") for n in range(12)], [of_incident(f"i{n}") for n in reversed(range(12))]]
        answers = await asyncio.gather(*(policies.resolve_all(questions) for questions in (*asked, *asked)))
        forward = [[people_of(answer) for answer in answers[place]] for place in (0, 2)]
        backward = [[people_of(answer) for answer in reversed(answers[place])] for place in (1, 3)]
        assert forward[0] == forward[1] == backward[0] == backward[1]
        assert sorted(forward[0]) == [["ana"]] * 4 + [["ben"]] * 4 + [["cem"]] * 4

    async def test_turns_of_long_ago_are_forgotten(self, policies, store, shift):
        await policies.resolve_all([of_incident("i1"), of_incident("i2")])

        async def forget(before):
            return await store.atomically(lambda unit: unit.forget_turns(before, 10))

        now = await store.atomically(lambda unit: unit.now())
        assert await forget(now - timedelta(hours=1)) == 0
        assert await forget(now + timedelta(hours=1)) == 2
        assert await store.reading(lambda reads: reads.turns([], [Seat("shop", 1, "i1")])) == Turns({}, {})
        assert people_of(await policies.resolve(of_incident("i1"))) == ["cem"]
