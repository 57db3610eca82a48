import asyncio
from datetime import timedelta

import pytest
from fakes.notifier_builders import HandClock, an_email, an_sms, plenty
from fakes.notifier_delivery_ledger import FakeDeliveryLedger
from fakes.notifier_email_sender import FakeEmailSender
from fakes.notifier_sms_sender import FakeSmsSender

from pager_domain.errors import StoreUnavailable
from pager_domain.notifier.application import PROVIDER_BUDGET, NotifierApplicationService
from pager_domain.notifier.errors import (
    DeliveryFateUnknown,
    DeliveryInDoubt,
    DeliveryInProgress,
    DeliveryUnknown,
    MessageRefused,
    ProviderDeferred,
)
from pager_domain.notifier.messages import POSSIBLE_DUPLICATE_LINE, POSSIBLE_DUPLICATE_PREFIX
from pager_domain.notifier.model import LEASE, Deferred, DeliveryState, InDoubt, Refused


class Room:
    """A notifier on fakes. ``restarted`` is the next process on the same ledger and providers."""

    def __init__(self, before: "Room | None" = None) -> None:
        self.clock = before.clock if before else HandClock()
        self.ledger = before.ledger if before else FakeDeliveryLedger(self.clock)
        self.mail = before.mail if before else FakeEmailSender()
        self.gateway = before.gateway if before else FakeSmsSender()
        self.notifier = NotifierApplicationService(self.ledger, self.mail, self.gateway)

    def restarted(self) -> "Room":
        return Room(before=self)

    async def page(self, message=None, token=0, remaining=plenty):
        return await self.notifier.send_email(message or an_email(), token, remaining)

    async def page_and_die(self):
        """An attempt whose process dies while the provider is at work."""
        self.mail.called.clear()
        self.mail.gate.clear()
        attempt = asyncio.create_task(self.page())
        await self.mail.called.wait()
        attempt.cancel()
        await asyncio.gather(attempt, return_exceptions=True)
        self.mail.gate.set()


@pytest.fixture
async def room():
    return Room()


async def test_a_page_is_handed_over_and_recorded(room):
    delivery = await room.page()
    assert (delivery.state, delivery.provider, delivery.provider_message_id) == (
        DeliveryState.ACCEPTED,
        "fake-email",
        "fake-1",
    )
    assert room.mail.taken == [an_email()]
    assert [line.state for line in room.ledger.history] == [DeliveryState.SENDING, DeliveryState.ACCEPTED]


async def test_a_text_message_takes_the_other_way(room):
    delivery = await room.notifier.send_sms(an_sms(), 0, plenty)
    assert delivery.provider == "fake-sms"
    assert room.gateway.taken == [an_sms()]
    assert room.mail.taken == []


async def test_sending_is_stored_before_the_provider_is_called(room):
    room.mail.gate.clear()
    attempt = asyncio.create_task(room.page())
    await room.mail.called.wait()
    assert room.ledger.lines["page-1"].state is DeliveryState.SENDING
    room.mail.gate.set()
    await attempt


async def test_a_repeat_is_answered_from_the_ledger(room):
    first = await room.page()
    assert await room.page() == first
    assert len(room.mail.handed_over) == 1


async def test_a_repeat_while_the_first_is_under_way_sends_nothing(room):
    room.mail.gate.clear()
    attempt = asyncio.create_task(room.page())
    await room.mail.called.wait()
    with pytest.raises(DeliveryInProgress):
        await room.page()
    room.mail.gate.set()
    await attempt
    assert len(room.mail.handed_over) == 1


async def test_many_callers_at_once_send_one_page(room):
    await asyncio.gather(*(room.page() for _ in range(50)), return_exceptions=True)
    assert len(room.mail.handed_over) == 1


async def test_a_refused_page_is_refused_again_without_asking_the_provider(room):
    room.mail.answers = [Refused("550 <ana@example.com> unknown")]
    for _ in range(2):
        with pytest.raises(MessageRefused) as refused:
            await room.page()
        assert refused.value.provider_answer == "550 <…@example.com> unknown"
    assert len(room.mail.handed_over) == 1


async def test_a_deferred_page_is_taken_by_a_repeat(room):
    room.mail.answers = [Deferred(timedelta(seconds=7), "451 busy")]
    with pytest.raises(ProviderDeferred) as deferred:
        await room.page()
    assert deferred.value.retry_after == timedelta(seconds=7)
    await room.page()
    assert room.mail.taken == [an_email()]


async def test_a_page_in_doubt_is_repeated_with_a_mark_twice_at_most(room):
    room.mail.answers = [InDoubt("timeout")] * 9
    for _ in range(2):
        with pytest.raises(DeliveryInDoubt):
            await room.page()
    for _ in range(3):
        with pytest.raises(DeliveryFateUnknown):
            await room.page()
    marks = [message.text_body.startswith(POSSIBLE_DUPLICATE_LINE) for message in room.mail.handed_over]
    assert marks == [False, True, True]


async def test_a_text_message_in_doubt_is_marked_too(room):
    room.gateway.answers = [InDoubt("timeout")]
    with pytest.raises(DeliveryInDoubt):
        await room.notifier.send_sms(an_sms(), 0, plenty)
    await room.notifier.send_sms(an_sms(), 0, plenty)
    assert room.gateway.taken[1].text == POSSIBLE_DUPLICATE_PREFIX + an_sms().text


async def test_a_process_that_dies_while_sending_leaves_a_doubt_and_no_silence(room):
    await room.page_and_die()
    successor = room.restarted()
    with pytest.raises(DeliveryInProgress):
        await successor.page()
    room.clock.advance(LEASE.total_seconds())
    delivery = await successor.page()
    assert (delivery.state, delivery.doubt_count) == (DeliveryState.ACCEPTED, 1)
    assert room.mail.handed_over[1].text_body.startswith(POSSIBLE_DUPLICATE_LINE)


async def test_processes_that_die_again_and_again_do_not_page_for_ever(room):
    for _ in range(3):
        await room.page_and_die()
        room.clock.advance(LEASE.total_seconds())
        room = room.restarted()
    with pytest.raises(DeliveryFateUnknown):
        await room.page()
    assert len(room.mail.handed_over) == 3
    assert (await room.notifier.get("page-1")).state is DeliveryState.UNKNOWN


async def test_a_process_that_wakes_up_late_does_not_overwrite_its_successor(room):
    room.mail.gate.clear()
    sleeper = asyncio.create_task(room.page())
    await room.mail.called.wait()
    room.clock.advance(LEASE.total_seconds())
    room.mail.called.clear()
    successor = asyncio.create_task(room.restarted().page())
    await room.mail.called.wait()
    room.mail.answers = [Refused("550 to the sleeper")]
    room.mail.gate.set()
    with pytest.raises(DeliveryInProgress):
        await sleeper
    assert (await successor).state is DeliveryState.ACCEPTED


async def test_nothing_is_sent_while_the_ledger_cannot_be_reached(room):
    room.ledger.unreachable = True
    with pytest.raises(StoreUnavailable):
        await room.page()
    assert room.mail.handed_over == []


async def test_an_answer_that_could_not_be_recorded_is_a_doubt_after_the_lease(room):
    room.mail.gate.clear()
    attempt = asyncio.create_task(room.page())
    await room.mail.called.wait()
    room.ledger.unreachable = True
    room.mail.gate.set()
    with pytest.raises(StoreUnavailable):
        await attempt
    room.ledger.unreachable = False
    room.clock.advance(LEASE.total_seconds())
    assert (await room.page()).doubt_count == 1


async def test_a_fault_of_a_sender_is_a_doubt_and_is_not_swallowed(room):
    room.mail.answers = [ZeroDivisionError("a bug")]
    with pytest.raises(ZeroDivisionError):
        await room.page()
    assert room.ledger.lines["page-1"].state is DeliveryState.IN_DOUBT


@pytest.mark.parametrize(("left", "budget"), [(0.21, 0.11), (3, 2.9), (5, 4), (86_400, 4)])
async def test_the_provider_gets_what_the_caller_can_wait_and_at_most_four_seconds(room, left, budget):
    await room.page(remaining=lambda: timedelta(seconds=left))
    assert room.mail.budgets == [timedelta(seconds=budget)]
    assert room.mail.budgets[0] <= PROVIDER_BUDGET < LEASE


async def test_with_too_little_time_nothing_is_written_and_nothing_sent(room):
    with pytest.raises(ProviderDeferred, match="too little time"):
        await room.page(remaining=lambda: timedelta(seconds=0.19))
    assert room.ledger.history == []
    assert room.mail.handed_over == []


async def test_a_page_does_not_leave_after_its_deadline_when_the_ledger_was_slow(room):
    left = iter([timedelta(seconds=1), timedelta(seconds=0.1)])
    with pytest.raises(ProviderDeferred, match="too little time"):
        await room.page(remaining=lambda: next(left))
    assert room.mail.handed_over == []
    assert room.ledger.lines["page-1"].state is DeliveryState.DEFERRED
    await room.page()
    assert room.mail.taken == [an_email()]


async def test_the_ledger_is_shown_page_by_page(room):
    for number in range(5):
        await room.page(an_email(f"page-{number}"))
        room.clock.advance(1)
    first = await room.notifier.newest((), 3, None)
    assert [line.delivery_id for line in first.deliveries] == ["page-4", "page-3", "page-2"]
    rest = await room.notifier.newest((), 3, first.next_position)
    assert [line.delivery_id for line in rest.deliveries] == ["page-1", "page-0"]
    assert rest.next_position is None
    exactly = await room.notifier.newest((), 5, None)
    assert exactly.next_position is None


async def test_a_delivery_nobody_asked_for_is_unknown(room):
    with pytest.raises(DeliveryUnknown):
        await room.notifier.get("page-1")
