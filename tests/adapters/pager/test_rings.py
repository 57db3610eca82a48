"""What a commit wakes: whoever would find something, and nobody for what the loops find by themselves."""

import pytest
from adapters.pager.stored_pager import stored_pager
from builders import an_application, raising
from contracts.claims_at_once import Begun

from pager_domain.pager.delivery import result_of
from pager_domain.pager.ports.email_sender import HandedOff, NotNow
from pager_grpc.pager.wakeups import Work


@pytest.fixture
async def pager(database_url):
    async with stored_pager(database_url) as opened:
        yield opened


async def test_a_commit_wakes_only_who_would_find_something(pager):
    application, begun = an_application(pager.store, pager.outbox), Begun()
    await application.handle([raising()])
    assert set(pager.wakeups.take_untold()) == {Work.EVENTS, Work.ESCALATION}
    await application.escalate_due(10, begun)  # the next level is due in minutes, and all pages are claimed
    assert set(pager.wakeups.take_untold()) == {Work.EVENTS}
    first, second = begun.claims
    await application.record([result_of(first, HandedOff("smtp", "their-id"))])
    assert set(pager.wakeups.take_untold()) == {Work.EVENTS}
    await application.record([result_of(second, NotNow("busy"))])
    assert set(pager.wakeups.take_untold()) == {Work.DELIVERY}


async def test_pages_that_nobody_claimed_wake_the_delivery(pager):
    application = an_application(pager.store, pager.outbox)
    await application.handle([raising()])
    pager.wakeups.take_untold()
    await application.escalate_due(10, Begun(room=1))
    assert set(pager.wakeups.take_untold()) == {Work.EVENTS, Work.DELIVERY}
