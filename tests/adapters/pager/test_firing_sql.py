"""A level that fires on PostgreSQL: what its transaction sends, and what it sees of others."""

import asyncio

import pytest
from adapters.lock_waits import somebody_waits_for_a_lock
from adapters.round_trips import watching_round_trips
from builders import CHECKOUT, a_level, a_policy, an_application, raising
from contracts.claims_at_once import Begun
from fakes.escalation_policies import FakeEscalationPolicies
from sqlalchemy import text

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.storm import Pace

_CUT = """
CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$
"""
TO_TWO = a_policy(levels=[a_level(1, targets=2)])


async def test_a_level_that_was_looked_for_fires_and_claims_its_pages_by_six_round_trips(postgres_pager):
    pager, begun = postgres_pager, Begun()
    application = an_application(pager.store_with(Pace()), pager.outbox, FakeEscalationPolicies(TO_TWO))
    await application.handle([raising()])
    async with watching_round_trips(pager.database) as sent:
        assert await application.escalate_due(10, begun) == 1
    assert len(begun.claims) == 2
    looks, locks, stores, holds = "SELECT * FROM", "WITH services AS", "WITH w0 AS", "WITH w0 AS"
    assert sent == [looks, "BEGIN", locks, stores, holds, "COMMIT"]


async def test_an_incident_that_changes_while_its_service_is_locked_is_judged_as_it_has_become(postgres_pager):
    pager = postgres_pager
    await an_application(pager.store, pager.outbox).handle([raising()])
    async with pager.store.unit_of_work() as work:
        async with pager.database.begin() as other:
            await other.execute(text("UPDATE incidents SET next_escalation_at = next_escalation_at + interval '1 h'"))
            due = asyncio.create_task(work.due_services([CHECKOUT]))
            await somebody_waits_for_a_lock(pager.database)
        assert await due == {}


async def test_an_incident_that_is_opened_while_its_service_is_locked_is_left_for_the_next_look(postgres_pager):
    pager = postgres_pager
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising()])
    async with pager.store.unit_of_work() as work:
        await pager.execute("UPDATE monitored_services SET incident_id = 'nowhere to be seen'")
        assert await work.due_services([CHECKOUT]) == {}


async def test_services_that_nobody_knows_have_a_moment_and_no_incidents(postgres_pager):
    async with postgres_pager.store.unit_of_work() as work:
        assert await work.due_services([CHECKOUT]) == {}
        assert work.now.utcoffset() is not None
        assert await work.maintenance_windows([]) == {}


async def test_pages_whose_claim_may_stand_are_looked_for_though_nobody_heard_the_commit(postgres_pager):
    """The connection is lost at COMMIT; if it stands they are owed when the lease ends, and somebody must know."""
    pager, begun = postgres_pager, Begun()
    application = an_application(pager.store, pager.outbox, FakeEscalationPolicies(TO_TWO))
    await application.handle([raising()])
    await pager.wakeups.delivery.wait(0)
    await pager.execute(_CUT)
    await pager.execute(
        "CREATE CONSTRAINT TRIGGER cut AFTER INSERT ON notifications DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION cut()"
    )
    with pytest.raises(StoreUnavailable):
        await application.escalate_due(10, begun)
    assert begun.claims == []
    assert pager.wakeups.delivery._rung.is_set()
