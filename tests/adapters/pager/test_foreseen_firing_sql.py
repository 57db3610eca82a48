"""A level that fires as foreseen on PostgreSQL: what changes between its two statements, and what it promises."""

import asyncio
from datetime import timedelta
from functools import partial

import pytest
from adapters.pager.stored_pager import stored_pager
from adapters.round_trips import watching_round_trips
from builders import CHECKOUT, a_level, a_policy, acknowledging, an_application, healing, numbered_ids, raising
from contracts.claims_at_once import Begun, ClaimsAtOnceContract
from fakes.escalation_policies import FakeEscalationPolicies
from sealed import SEALING

from pager_domain.pager.audit import violations
from pager_domain.pager.events import AlertRepeated, IncidentAcknowledged, IncidentOpened, LevelNotified
from pager_domain.pager.storm import Pace
from pager_grpc.pager.monitored_services_forwarded import ForwardedMonitoredServices, ForwardedUnitOfWork
from pager_grpc.runtime import commit_times

TO_ONE = a_policy(levels=[a_level(1, targets=1)])
TO_TWO = a_policy(levels=[a_level(1, targets=2)])
PACE = Pace()
LOOKS, WRITES = "SELECT (clock_timestamp() +", "WITH seen AS"
[_STEP] = TO_ONE.levels[0].targets[0].high_urgency_rule.steps
_RECIPIENT = SEALING.recipient("email", _STEP.target.address.value)
_TRAFFIC = """
INSERT INTO recipients (recipient, calm_at, most_severe)
VALUES (:recipient, clock_timestamp() + make_interval(secs => :seconds), 'critical')
ON CONFLICT (recipient) DO UPDATE SET calm_at = excluded.calm_at
"""

_PUT_OFF = "UPDATE incidents SET next_escalation_at = next_escalation_at + interval '1 hour'"
_A_MOMENT = """
CREATE FUNCTION a_moment() RETURNS timestamptz VOLATILE LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock_shared(39);
    RETURN (SELECT opened_at FROM incidents LIMIT 1);
END $$
"""
"""Waits where somebody holds the lock 39: a statement that asks for the moment has its snapshot and no row lock yet."""


class Interrupted(ForwardedUnitOfWork):
    """Others do ``meanwhile`` between what it read and what it writes."""

    def __init__(self, work, meanwhile):
        super().__init__(work)
        self._meanwhile = meanwhile

    async def commit(self):
        await self._meanwhile()
        await self._work.commit()


class InterruptedStore(ForwardedMonitoredServices):
    """Its units of work that foresee are interrupted."""

    def __init__(self, store, meanwhile):
        super().__init__(store)
        self._meanwhile = meanwhile
        self._foresees = False

    def seen(self, work):
        foresees, self._foresees = self._foresees, False
        return Interrupted(work, self._meanwhile) if foresees else work

    def foreseen_unit_of_work(self, recipients):
        self._foresees = True
        return super().foreseen_unit_of_work(recipients)


async def fired(pager, meanwhile, policy=TO_ONE):
    """What was begun when the first level of an incident that was opened here has fired, and the use cases."""
    store, begun = InterruptedStore(pager.store_with(PACE), meanwhile), Begun()
    application = an_application(store, pager.outbox_with(PACE), FakeEscalationPolicies(policy))
    await application.escalate_due(10)
    await application.handle([raising()])
    assert await application.escalate_due(10, begun) == 1
    return begun, application


async def kinds(pager):
    [record] = await pager.records()
    return [type(line.what) for line in record.events]


def others(pager):
    """The use cases of another replica."""
    return an_application(pager.store_with(PACE), pager.outbox_with(PACE), FakeEscalationPolicies(TO_ONE))


async def test_an_incident_that_is_acknowledged_meanwhile_pages_nobody(postgres_pager):
    begun, _ = await fired(postgres_pager, lambda: others(postgres_pager).handle([acknowledging()]))
    assert begun.claims == []
    assert await kinds(postgres_pager) == [IncidentOpened, IncidentAcknowledged]
    assert await postgres_pager.execute("SELECT * FROM notifications") == []


async def test_only_the_statement_that_writes_is_timed_as_a_commit(postgres_pager, monkeypatch):
    times, clock = [], [0.0]
    monkeypatch.setattr(commit_times, "perf_counter", lambda: clock[0])

    async def an_hour():
        postgres_pager.database.commits.observe = times.append
        clock[0] += 3600.0

    await fired(postgres_pager, an_hour)
    assert times[0] == 0.0


async def test_an_alert_that_is_repeated_meanwhile_is_counted_and_pages_once(postgres_pager):
    begun, _ = await fired(postgres_pager, lambda: others(postgres_pager).handle([raising()]))
    assert len(begun.claims) == 1
    assert await kinds(postgres_pager) == [IncidentOpened, AlertRepeated, LevelNotified]
    [stored] = await postgres_pager.execute("SELECT alert_count, event_count FROM incidents")
    assert tuple(stored.values()) == (2, 3)


async def test_an_incident_that_is_put_off_meanwhile_without_a_line_pages_nobody(postgres_pager):
    begun, _ = await fired(postgres_pager, lambda: postgres_pager.execute(_PUT_OFF))
    assert begun.claims == []
    assert await kinds(postgres_pager) == [IncidentOpened]


@pytest.mark.parametrize("known", [False, True])
async def test_what_others_send_the_same_person_meanwhile_counts(postgres_pager, known):
    async def two_messages():
        await postgres_pager.execute(_TRAFFIC, recipient=_RECIPIENT, seconds=20)

    if known:
        await postgres_pager.execute(_TRAFFIC, recipient=_RECIPIENT, seconds=-3)
    begun, _ = await fired(postgres_pager, two_messages)
    assert begun.services == [CHECKOUT]
    [row] = await postgres_pager.execute("SELECT calm_at - created_at AS calm FROM recipients CROSS JOIN notifications")
    assert timedelta(seconds=29) < row["calm"] < timedelta(seconds=31)


async def test_a_service_that_somebody_holds_is_left_to_them(postgres_pager):
    pager, holding = postgres_pager, []

    async def hold():
        holding.append(pager.database.begin())
        connection = await holding[0].__aenter__()
        await connection.exec_driver_sql("SELECT 1 FROM monitored_services FOR UPDATE")

    begun, application = await fired(pager, hold)
    await holding[0].__aexit__(None, None, None)
    assert begun.claims == []
    assert await kinds(pager) == [IncidentOpened]
    assert await application.escalate_due(10, begun) == 1
    assert begun.services == [CHECKOUT]


async def _somebody_waits_for_the_moment(pager):
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    async with asyncio.timeout(10):
        while not await pager.execute(waiting):
            pass


async def fired_while(pager, change):
    """What was begun; ``change`` happened when the write had its snapshot and no lock yet."""
    changing = []

    async def change_as_it_writes(held):
        try:
            await _somebody_waits_for_the_moment(pager)
            await change()
        finally:
            await held.__aexit__(None, None, None)

    async def meanwhile():
        held = pager.databases[1].begin()
        await (await held.__aenter__()).exec_driver_sql("SELECT pg_advisory_xact_lock(39)")
        changing.append(asyncio.create_task(change_as_it_writes(held)))
        pager.database.now_sql = "a_moment()"

    await pager.execute(_A_MOMENT)
    begun, _ = await fired(pager, meanwhile)
    await changing[0]
    return begun


async def test_an_incident_that_changes_once_the_write_has_its_snapshot_is_not_overtaken(postgres_pager):
    begun = await fired_while(postgres_pager, lambda: postgres_pager.execute(_PUT_OFF))
    assert begun.claims == []
    assert await kinds(postgres_pager) == [IncidentOpened]


async def test_a_message_to_the_same_person_that_stands_once_the_write_has_its_snapshot_counts(postgres_pager):
    await postgres_pager.execute(_TRAFFIC, recipient=_RECIPIENT, seconds=-3)
    two_messages = partial(postgres_pager.execute, _TRAFFIC, recipient=_RECIPIENT, seconds=20)
    begun = await fired_while(postgres_pager, two_messages)
    assert begun.services == [CHECKOUT]
    [row] = await postgres_pager.execute("SELECT calm_at - created_at AS calm FROM recipients CROSS JOIN notifications")
    assert timedelta(seconds=29) < row["calm"]


async def test_what_was_read_long_ago_is_read_again(postgres_pager):
    begun, _ = await fired(postgres_pager, lambda: postgres_pager.advance(5))
    assert len(begun.claims) == 1
    [page] = await postgres_pager.execute(
        "SELECT created_at - opened_at AS late, due_at - created_at AS lease FROM notifications JOIN incidents "
        "USING (monitored_service_id, incident_id)"
    )
    assert page["late"] >= timedelta(seconds=5)
    assert timedelta(seconds=10) <= page["lease"] < timedelta(seconds=11)


async def test_a_level_that_fires_as_foreseen_is_two_round_trips_also_for_who_was_paged_just_now(postgres_pager):
    pager, begun = postgres_pager, Begun()
    application = an_application(pager.store_with(PACE), pager.outbox, FakeEscalationPolicies(TO_TWO))
    for service in ("a", "b"):
        await application.escalate_due(10)
        await application.handle([raising(service)])
        async with watching_round_trips(pager.database) as sent:
            assert await application.escalate_due(10, begun) == 1
        assert sent == [LOOKS, WRITES]
    assert begun.services == ["a", "a", "b", "b"]


async def test_pages_without_room_are_stored_for_whoever_looks_into_the_outbox(postgres_pager):
    pager = postgres_pager
    application = an_application(pager.store_with(PACE), pager.outbox, FakeEscalationPolicies(TO_TWO))
    await application.escalate_due(10)
    await application.handle([raising()])
    assert await application.escalate_due(10, Begun(room=1)) == 1
    assert [claim.attempt for claim in await pager.outbox.claim(10)] == [1]


async def test_two_replicas_that_foresee_the_same_services_at_once_keep_every_promise(postgres_pager):
    pager, ids, begun = postgres_pager, numbered_ids(), Begun()
    outboxes = [pager.outbox_with(PACE, number) for number in range(2)]
    replicas = [
        an_application(store, outbox, FakeEscalationPolicies(TO_TWO), new_incident_id=ids)
        for (_, store), outbox in zip(pager.stores(2), outboxes, strict=True)
    ]
    for turn in range(15):
        services = [CHECKOUT, f"service-{turn}"]
        for replica in replicas:
            await pager.retrying(replica.escalate_due, 10, begun)
        raised = [pager.retrying(replica.handle, [raising(service) for service in services]) for replica in replicas]
        await asyncio.gather(*raised)
        answers = [acknowledging(CHECKOUT), healing(CHECKOUT)] if turn % 2 else [raising(CHECKOUT)]
        await asyncio.gather(
            *(pager.retrying(replica.escalate_due, 10, begun) for replica in replicas),
            pager.retrying(replicas[turn % 2].handle, answers),
        )
    assert [str(violation) for record in await pager.records() for violation in violations(record)] == []
    pages = [(claim.notification.notification_id, claim.attempt) for claim in begun.claims]
    assert len(pages) == len(set(pages)) >= 15
    held = await pager.execute("SELECT notification_id, attempts FROM notifications WHERE held")
    assert {tuple(row.values()) for row in held} <= set(pages)


class TestForeseenClaims(ClaimsAtOnceContract):
    """The same promises, where every incident was opened here."""

    @pytest.fixture
    async def pager(self, postgres_url):
        async with stored_pager(postgres_url) as opened:
            yield opened

    async def fired(self, pager, services, deliveries, policy=TO_ONE, pace=None, **alert):
        store, outbox = pager.store_with(pace), pager.outbox_with(pace)
        application = an_application(store, outbox, FakeEscalationPolicies(policy))
        await application.escalate_due(100)
        await application.handle([raising(service, **alert) for service in services])
        await application.escalate_due(100, deliveries)
        return application
