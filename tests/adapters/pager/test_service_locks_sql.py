"""What a unit of work sees of services that another one had locked, and of those that it has begun itself."""

import asyncio

from adapters.lock_waits import somebody_waits_for_a_lock
from adapters.round_trips import watching_round_trips
from builders import CHECKOUT, an_application, healing, raising

from pager_domain.pager.batch import Batch
from pager_domain.pager.events import IncidentId


async def loaded_after(request, pager, work):
    """The service as ``work`` gets it, which waits for another replica that had it locked and does ``request``."""
    [_, (_, store)] = pager.stores(2)
    async with store.unit_of_work() as other:
        batch = await Batch.open(other, [request], lambda: IncidentId("the-new-one"))
        loading = asyncio.create_task(work.services([CHECKOUT]))
        await somebody_waits_for_a_lock(pager.database)
        batch.result_of(request)
        await batch.save(other)
        changed_at = await pager.database.now(other.connection)
        await other.commit()
    service = (await loading)[CHECKOUT]
    assert work.now > changed_at
    return service


async def test_an_incident_that_changed_while_its_service_was_locked_is_loaded_as_it_has_become(postgres_pager):
    await an_application(postgres_pager.store, postgres_pager.outbox).handle([raising()])
    async with postgres_pager.store.unit_of_work() as work:
        service = await loaded_after(raising(), postgres_pager, work)
    assert service.incident.alert_count == 2


async def test_an_incident_that_was_opened_while_its_service_was_locked_is_loaded_too(postgres_pager):
    await an_application(postgres_pager.store, postgres_pager.outbox).handle([raising(), healing()])
    async with postgres_pager.store.unit_of_work() as work:
        service = await loaded_after(raising(), postgres_pager, work)
    assert service.incident.incident_id == "the-new-one"


async def test_an_incident_that_ended_while_its_service_was_locked_is_loaded_no_more(postgres_pager):
    await an_application(postgres_pager.store, postgres_pager.outbox).handle([raising()])
    async with postgres_pager.store.unit_of_work() as work:
        service = await loaded_after(healing(), postgres_pager, work)
    assert service.incident is None


async def test_new_services_are_begun_and_alerted_by_five_round_trips(postgres_pager):
    """What was answered before is not asked: of a service that nobody had begun that is nothing."""
    application = an_application(postgres_pager.store, postgres_pager.outbox)
    async with watching_round_trips(postgres_pager.database) as sent:
        await application.handle([raising("one", "first"), raising("two", "second")])
    assert sent == ["BEGIN", "SELECT * FROM", "INSERT INTO monitored_services", "WITH w0 AS", "COMMIT"]


async def test_a_request_for_a_new_and_one_for_a_known_service_are_answered_as_before(pager):
    application = an_application(pager.store, pager.outbox)
    [first] = await application.handle([raising("known", "first")])
    [other, again, twice] = await application.handle(
        [raising("new", "first"), raising("known", "first"), raising("new", "first")]
    )
    assert (again.changed, again.alert_count, again.incident.incident_id) == (True, 1, first.incident.incident_id)
    assert (twice.changed, twice.alert_count, twice.incident.incident_id) == (True, 1, other.incident.incident_id)


async def test_a_healthy_service_remembers_what_it_was_asked_beside_one_that_is_begun(pager):
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising("known", "first"), healing("known", "second")])
    _, again, healed = await application.handle(
        [raising("new", "first"), raising("known", "first"), healing("known", "second")]
    )
    assert (again.changed, again.alert_count) == (True, 1)
    assert healed.changed
