"""What only a database can show: refusals of unsafe rows, and the order of commits on PostgreSQL."""

import inspect as code
from itertools import pairwise

import pytest
from builders import CHECKOUT, acknowledging, an_alert, an_application, raising
from contracts.incident_views import stream_of
from sealed import SEALING
from sqlalchemy import text

from pager_domain.errors import StoreUnavailable
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.events import Acknowledgement, IncidentId, Outcome
from pager_domain.pager.model import IncidentState
from pager_domain.pager.service import PagerService
from pager_domain.pager.targets import Channel
from pager_grpc.pager import tables
from pager_grpc.pager.monitored_services_sql import SqlMonitoredServices
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.wakeups import Wakeups
from pager_grpc.runtime.database import open_database


def test_the_database_knows_the_words_of_the_rules():
    source = code.getsource(tables)
    assert all(f"'{word}'" in source for word in (*IncidentState, *Channel, *Outcome))


async def open_incident(work, name):
    service_id = MonitoredServiceId(name)
    service = (await work.services([service_id]))[service_id]
    await work.save([PagerService.on_alert(service, an_alert(), lambda: IncidentId(f"of-{name}"), work.now)])
    await work.save([])  # what was saved before is written now, else right before the commit


async def test_a_watcher_misses_nothing_when_transactions_commit_out_of_order(postgres_pager):
    pager = postgres_pager
    position, seen = await pager.views.watch_position(), []

    async def look():
        nonlocal position
        found = await pager.views.events_since(position, 10)
        seen.extend(event.monitored_service_id for _, event in found)
        position = found[-1][0] if found else position

    async with pager.store.unit_of_work() as first:
        await open_incident(first, "a")
        async with pager.store.unit_of_work() as second:
            await open_incident(second, "b")
            await second.commit()
        await look()
        assert seen == []  # a may still commit before b in the stream
        await first.commit()
    while len(seen) < 2:
        await look()
    assert seen == ["a", "b"]
    assert await pager.views.events_since(position, 10) == []


async def test_a_watcher_sees_a_timeline_in_order_also_when_the_later_line_is_of_the_older_transaction(postgres_pager):
    pager = postgres_pager
    a, b = MonitoredServiceId("a"), MonitoredServiceId("b")
    position = await pager.views.watch_position()
    await an_application(pager.store, pager.outbox).handle([raising("a"), raising("b")])
    async with pager.store.unit_of_work() as older:
        await older.services([], [a])  # it has its number now, and writes about b later
        async with pager.store.unit_of_work() as younger:
            service = (await younger.services([], [b]))[b]
            await younger.save([PagerService.on_alert(service, an_alert(), lambda: IncidentId("none"), younger.now)])
            await younger.commit()
        service = (await older.services([], [b]))[b]
        await older.save([PagerService.on_acknowledgement(service, Acknowledgement("ana"), older.now)])
        await older.commit()
    seen = [event.sequence for _, event in await stream_of(pager.views, position, 4) if event.monitored_service_id == b]
    assert seen == [1, 2, 3]


async def test_a_watcher_is_not_held_up_by_what_was_rolled_back(postgres_pager):
    pager = postgres_pager
    position = await pager.views.watch_position()
    async with pager.store.unit_of_work() as first:
        await open_incident(first, "a")
        async with pager.store.unit_of_work() as second:
            await open_incident(second, "b")
            await second.commit()
    found = []
    while not found:  # another transaction of this server may still run
        found = await pager.views.events_since(position, 10)
    assert [event.monitored_service_id for _, event in found] == ["b"]


async def test_positions_grow_with_every_event(pager):
    position = await pager.views.watch_position()
    await an_application(pager.store, pager.outbox).handle(
        [raising(f"s{n % 3}", message=f"alert {n}") for n in range(9)]
    )
    found = []
    while not found:
        found = await pager.views.events_since(position, 100)
    assert all(one < other for (one, _), (other, _) in pairwise(found))
    assert len(found) == 9


async def test_a_locked_service_is_passed_over_by_an_escalation(postgres_pager):
    pager = postgres_pager
    await an_application(pager.store, pager.outbox).handle([raising("held"), raising("free")])
    names = [MonitoredServiceId("held"), MonitoredServiceId("free")]
    async with pager.store.unit_of_work() as holder:
        await holder.services([], names[:1])
        async with pager.store.unit_of_work() as other:
            assert list(await other.due_services(names)) == ["free"]


async def test_a_page_that_is_being_cancelled_is_passed_over_by_a_claim(postgres_pager):
    pager = postgres_pager
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising()])
    await application.escalate_due(10)
    async with pager.store.unit_of_work() as work:
        await work.services([], [CHECKOUT])
        assert len(await work.cancel_waiting([IncidentId("incident-1")])) == 2
        assert await pager.outbox.claim(10) == []
    assert len(await pager.outbox.claim(10)) == 2


async def test_a_commit_rings_the_bells_of_what_it_made(pager):
    application = an_application(pager.store, pager.outbox)
    with pager.wakeups.watching() as watcher:
        await application.handle([raising()])
        assert watcher._rung.is_set()
        assert pager.wakeups.escalation._rung.is_set()
        assert not pager.wakeups.delivery._rung.is_set()
        await application.escalate_due(10)
        assert pager.wakeups.delivery._rung.is_set()


async def test_what_the_pager_remembers_survives_its_process(tmp_path):
    from adapters.pager.stored_pager import stored_pager  # noqa: PLC0415 - only here it is opened twice

    url = f"sqlite+aiosqlite:///{tmp_path / 'pager.db'}"
    async with stored_pager(url) as first:
        application = an_application(first.store, first.outbox)
        await application.handle([raising(request_id="r")])
        await application.escalate_due(10)
        before = await first.views.service(CHECKOUT)
    async with stored_pager(url) as second:
        assert await second.views.service(CHECKOUT) == before
        assert len(await second.outbox.claim(10)) == 2
        [again] = await an_application(second.store, second.outbox).handle([raising(request_id="r")])
        assert again.changed


async def test_a_database_that_cannot_be_reached_says_so():
    database = open_database("postgresql+asyncpg://nobody@127.0.0.1:1/nothing")
    store = SqlMonitoredServices(database, Wakeups(), SEALING)
    outbox = SqlNotificationOutbox(database, Wakeups(), SEALING)
    application = an_application(store, outbox)
    for call in (
        application.handle([acknowledging()]),
        application.escalate_due(1),
        application.claim_due(1),
        store.seconds_until_due(),
        outbox.seconds_until_due(),
    ):
        with pytest.raises(StoreUnavailable):
            await call
    await database.close()


async def test_every_line_of_the_stream_belongs_to_a_transaction(postgres_pager):
    await an_application(postgres_pager.store, postgres_pager.outbox).handle([raising()])
    async with postgres_pager.database.begin() as connection:
        found = await connection.execute(text("SELECT transaction_id, position FROM incident_events"))
        assert all(row.transaction_id > 0 and row.position > 0 for row in found)
