"""When pages are claimed as they are made, when they wait for the loop, and when the loop is rung."""

from dataclasses import replace

import pytest
from builders import an_application, raising
from fakes.pager import FakePager
from fakes.senders import FakeSenders

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.events import Severity
from pager_domain.pager.ports.email_sender import NotNow
from pager_domain.pager.ports.notification_outbox import Claim
from pager_grpc.pager import delivery_loop
from pager_grpc.pager.delivery_loop import IN_FLIGHT, DeliveryLoop
from pager_grpc.pager.escalation_loop import ASIDE_SECONDS, EscalationLoop
from pager_grpc.pager.wakeups import SAFETY_PAUSE_SECONDS
from pager_grpc.runtime.group_commit import GroupCommit
from pager_grpc.runtime.supervision import Doorbell, running
from pager_grpc.runtime.trace_context import current_traceparent, followed_traceparent


class Bell(Doorbell):
    """Counts."""

    def __init__(self):
        super().__init__()
        self.rings = 0

    def ring(self):
        self.rings += 1
        super().ring()


class Senders(FakeSenders):
    """Notes the trace that each page goes out in."""

    def __init__(self):
        super().__init__()
        self.traces = set()

    async def send_email(self, *page):
        self.traces.add(followed_traceparent())
        return await super().send_email(*page)


class Paging:
    """Both loops over fakes; ``claimed`` counts the claims of the outbox."""

    def __init__(self):
        self.pager, self.senders, self.bell = FakePager(), Senders(), Bell()
        self.application = an_application(self.pager.store, self.pager.outbox, senders=self.senders)
        self.recorder, self.fault = GroupCommit(self._record, 100), None
        self.deliveries = DeliveryLoop(self.application, self.pager.outbox, self.recorder, self.bell)
        self.escalations = EscalationLoop(self.application, self.pager.store, self.deliveries)

    async def _record(self, results):
        if self.fault is not None:
            raise self.fault
        await self.application.record(results)
        return [True] * len(results)

    async def raised(self, *services):
        await self.application.handle([raising(service) for service in services])
        return await self.escalations.step()

    def waiting(self):
        return [page for page in self.pager.store.state.pages.values() if page.outcome is None]


@pytest.fixture
async def paging():
    found = Paging()
    async with running(found.recorder.run()):
        yield found
        await found.deliveries.drain()


async def test_before_its_first_look_pages_may_wait_that_come_first(paging):
    assert paging.deliveries.room == 0
    await paging.raised("a")
    assert [page.held for page in paging.waiting()] == [False] * 2


async def test_a_page_is_handed_off_without_a_look_into_the_outbox(paging):
    assert await paging.deliveries.step() == ASIDE_SECONDS
    assert paging.deliveries.room == IN_FLIGHT
    assert await paging.raised("a", "b") == ASIDE_SECONDS
    assert [page.held for page in paging.waiting()] == [True] * 4
    assert paging.deliveries.room == IN_FLIGHT - 4
    await paging.deliveries.drain()
    assert paging.waiting() == []
    assert sum(paging.senders.sent.values()) == 4


async def test_what_waits_for_room_comes_before_what_is_made(paging, monkeypatch):
    monkeypatch.setattr(delivery_loop, "IN_FLIGHT", 3)
    await paging.deliveries.step()
    await paging.raised("a", "b")
    assert sorted(page.held for page in paging.waiting()) == [False, True, True, True]
    assert paging.deliveries.room == 0
    assert await paging.deliveries.step() == SAFETY_PAUSE_SECONDS
    await paging.deliveries.drain()
    assert paging.bell.rings == 3
    await paging.raised("c")
    assert sorted(page.held for page in paging.waiting()) == [False] * 3


async def test_while_the_notifier_is_away_a_page_waits_for_its_turn(paging):
    await paging.deliveries.step()
    paging.senders.answers = [NotNow("nobody is there", reached=False)] * 2
    await paging.raised("a")
    await paging.deliveries.drain()
    assert paging.deliveries.room == 0


async def test_what_was_answered_meanwhile_says_nothing_of_the_notifier(paging):
    await paging.deliveries.step()
    paging.senders.answers = [NotNow("nobody is there", reached=False)] * 2
    await paging.raised("a")
    await paging.deliveries.drain()
    page = next(iter(paging.pager.store.state.pages.values())).notification
    paging.deliveries.begin([Claim(page, 2, is_wanted=False)])
    await paging.deliveries.drain()
    assert paging.deliveries.room == 0


async def test_while_the_notifier_is_away_pages_that_do_not_need_it_take_no_turn_of_those_that_do(paging, monkeypatch):
    await paging.deliveries.step()
    paging.senders.answers = [NotNow("nobody is there", reached=False)] * 4
    await paging.raised("a", "b")
    await paging.deliveries.drain()
    pages = paging.pager.store.state.pages
    pages |= {key: replace(page, stopped=True) for key, page in pages.items()}
    await paging.application.handle([raising("c", severity=Severity.INFO)])
    await paging.application.escalate_due(10)
    await paging.pager.advance(3600)
    monkeypatch.setattr(delivery_loop, "PROBE_PAUSE_SECONDS", 0)
    for _ in range(5):
        await paging.deliveries.step()
        await paging.deliveries.drain()
        monkeypatch.setattr(delivery_loop, "PROBE_PAUSE_SECONDS", 1000)
    assert sum(paging.senders.sent.values()) == 1


async def test_an_attempt_that_ends_rings_only_for_whoever_waits_for_room(paging):
    await paging.deliveries.step()
    await paging.raised("a")
    await paging.deliveries.drain()
    assert paging.bell.rings == 0


@pytest.mark.parametrize("fault", [StoreUnavailable(), ValueError("nobody planned this")])
async def test_an_attempt_whose_end_is_not_recorded_rings_for_whoever_will_look_when_its_lease_ends(paging, fault):
    """The level that fired claimed the pages itself, so the loop has never seen them."""
    await paging.deliveries.step()
    assert await paging.deliveries.step() == SAFETY_PAUSE_SECONDS
    paging.fault = fault
    await paging.raised("a")
    await paging.deliveries.drain()
    assert paging.bell.rings == 2


async def test_a_look_that_finds_nothing_owed_claims_nothing(paging, monkeypatch):
    await paging.deliveries.step()
    monkeypatch.setattr(paging.pager.outbox, "claim", None)
    assert await paging.deliveries.step() == SAFETY_PAUSE_SECONDS


async def test_an_attempt_is_in_no_trace_of_whoever_begins_it(paging):
    await paging.deliveries.step()
    token = current_traceparent.set("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    await paging.raised("a")
    current_traceparent.reset(token)
    await paging.deliveries.drain()
    assert paging.senders.traces == {""}
