"""Who opens an incident tells the escalation of the same process; the database has the last word."""

import pytest
from adapters.pager.stored_pager import stored_pager
from builders import CHECKOUT, acknowledging, an_alert, an_application, an_incident, raising
from contracts.claims_at_once import Begun

from pager_domain.pager.events import IncidentId, Severity
from pager_domain.pager.service import PagerService
from pager_grpc.pager.just_opened import JustOpened


@pytest.fixture
async def pager(database_url):
    async with stored_pager(database_url) as opened:
        yield opened


def services_of(incidents):
    return [incident.monitored_service_id for incident in incidents]


async def test_what_is_opened_here_need_not_be_looked_for_once(pager):
    application = an_application(pager.store, pager.outbox)
    assert await pager.store.due(10) == []
    await application.handle([raising("a", severity=Severity.INFO), raising("b", severity=Severity.CRITICAL)])
    opened = pager.store.opened_here(10)
    assert services_of(opened) == ["b", "a"]
    assert pager.store.opened_here(10) == []
    assert await pager.store.due(10) == opened


async def test_after_each_hint_there_is_a_look_at_what_others_have_opened(pager):
    application = an_application(pager.store, pager.outbox)
    assert await pager.store.due(10) == []
    await application.handle([raising("a")])
    assert services_of(pager.store.opened_here(10)) == ["a"]
    await application.handle([raising("b")])
    assert pager.store.opened_here(10) == []
    assert len(await pager.store.due(10)) == 2
    await application.handle([raising("c")])
    assert services_of(pager.store.opened_here(10)) == ["c"]


async def test_what_a_look_has_found_is_not_told_again(pager):
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising("a")])
    assert services_of(await pager.store.due(10)) == ["a"]
    assert pager.store.opened_here(10) == []


def test_what_a_look_finds_before_it_is_noted_is_not_told_again():
    opened, incident, other = JustOpened(), an_incident(), an_incident(incident_id="other")
    opened.looking()
    opened.looked([incident], found_all=True)
    opened.note([incident, other])
    assert opened.take(10) == [other]


async def test_nothing_goes_before_what_is_due_longer(pager):
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising("a")])
    assert pager.store.opened_here(10) == []  # nobody has looked
    await application.handle([raising("b")])
    assert len(await pager.store.due(2)) == 2  # there may be more
    await application.handle([raising("c")])
    assert pager.store.opened_here(10) == []


async def test_more_than_can_be_escalated_at_once_is_looked_for(pager):
    application = an_application(pager.store, pager.outbox)
    assert await pager.store.due(10) == []
    await application.handle([raising("a"), raising("b"), raising("c")])
    assert pager.store.opened_here(2) == []
    assert len(await pager.store.due(2)) == 2


async def test_what_is_not_committed_is_not_told(pager):
    assert await pager.store.due(10) == []
    async with pager.store.unit_of_work() as work:
        service = (await work.services([CHECKOUT]))[CHECKOUT]
        await work.save([PagerService.on_alert(service, an_alert(), lambda: IncidentId("of-nobody"), work.now)])
    assert pager.store.opened_here(10) == []


async def test_an_incident_that_was_told_and_then_acknowledged_pages_nobody(pager):
    application, begun = an_application(pager.store, pager.outbox), Begun()
    assert await application.escalate_due(10, begun) == 0
    await application.handle([raising()])
    await application.handle([acknowledging()])
    assert await application.escalate_due(10, begun) == 1
    assert begun.claims == []
    assert await application.escalate_due(10, begun) == 0


async def test_what_is_told_is_escalated_once(pager):
    application, begun = an_application(pager.store, pager.outbox), Begun()
    assert await application.escalate_due(10, begun) == 0
    await application.handle([raising()])
    assert await application.escalate_due(10, begun) == 1
    assert len(begun.claims) == 2
    assert await application.escalate_due(10, begun) == 0
