"""What every delivery ledger promises. A signer gives :class:`DeliveryLedgerContract` a ``ledger``."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.notifier_builders import an_email, an_sms

from pager_domain.notifier.errors import DeliveryInProgress, RequestIdReused
from pager_domain.notifier.messages import Message
from pager_domain.notifier.model import Accepted, Deferred, Delivery, DeliveryState, HandOffRequest, begin, settle
from pager_domain.notifier.ports.delivery_ledger import DeliveryLedger, LedgerPosition


def asking(message: Message, fencing_token: int = 0):
    """The rule that begins an attempt."""
    return lambda stored, now: begin(stored, HandOffRequest(message, "fake", fencing_token), now)


def accepting(attempt_count: int = 1):
    """The rule that records that a provider took it."""
    return lambda stored, now: settle(stored, attempt_count, Accepted("their-id"), now)


class DeliveryLedgerContract:
    @pytest.fixture
    def ledger(self) -> DeliveryLedger:
        raise NotImplementedError

    async def test_a_page_nobody_asked_for_has_no_line(self, ledger):
        assert await ledger.find("page-1") is None

    async def test_a_line_is_read_as_it_was_stored(self, ledger):
        for message in (an_email("page-é"), an_sms("page-2")):
            begun = await ledger.change(message.delivery_id, asking(message, 2**40))
            assert begun.state is DeliveryState.SENDING
            assert await ledger.find(message.delivery_id) == begun
            settled = await ledger.change(message.delivery_id, accepting())
            assert settled.provider_message_id == "their-id"
            assert await ledger.find(message.delivery_id) == settled

    async def test_a_rule_sees_what_is_stored_and_a_moment_that_never_runs_backwards(self, ledger):
        seen = []

        def rule(stored, now):
            seen.append((stored, now))
            return begin(None, HandOffRequest(an_email(), "fake", 0), now) if stored is None else stored

        first = await ledger.change("page-1", rule)
        await ledger.change("page-1", rule)
        (nothing, earlier), (stored, later) = seen
        assert nothing is None
        assert stored == first
        assert earlier.utcoffset() == timedelta()
        assert earlier <= later

    async def test_a_rule_that_raises_changes_nothing(self, ledger):
        begun = await ledger.change("page-1", asking(an_email()))
        with pytest.raises(RequestIdReused):
            await ledger.change("page-1", asking(an_email(text="something else")))
        assert await ledger.find("page-1") == begun

    async def test_of_two_that_ask_at_once_one_may_send(self, ledger):
        asked = [ledger.change("page-1", asking(an_email())) for _ in range(8)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, Delivery) for answer in answers) == 1
        assert sum(isinstance(answer, DeliveryInProgress) for answer in answers) == 7
        assert (await ledger.find("page-1")).attempt_count == 1

    async def test_of_two_that_repeat_a_deferred_page_at_once_one_may_send(self, ledger):
        await ledger.change("page-1", asking(an_email()))
        await ledger.change("page-1", lambda stored, now: settle(stored, 1, Deferred(timedelta(0), "busy"), now))
        asked = [ledger.change("page-1", asking(an_email())) for _ in range(8)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, Delivery) for answer in answers) == 1
        assert (await ledger.find("page-1")).attempt_count == 2

    async def test_different_pages_do_not_wait_for_each_other(self, ledger):
        messages = [an_email(f"page-{number}") for number in range(20)]
        await asyncio.gather(*(ledger.change(message.delivery_id, asking(message)) for message in messages))
        assert len(await ledger.newest((), 100, None)) == 20

    async def test_a_rule_that_raises_does_not_stop_the_others_that_are_asked_for_at_once(self, ledger):
        def faulty(stored, now):
            raise ZeroDivisionError("a bug")

        await ledger.change("page-1", asking(an_email()))
        answers = await asyncio.gather(
            ledger.change("page-2", asking(an_email("page-2"))),
            ledger.change("page-1", asking(an_email(text="something else"))),
            ledger.change("page-3", faulty),
            ledger.change("page-4", asking(an_email("page-4"))),
            return_exceptions=True,
        )
        assert [type(answer) for answer in answers] == [Delivery, RequestIdReused, ZeroDivisionError, Delivery]
        assert sorted(line.delivery_id for line in await ledger.newest((), 10, None)) == ["page-1", "page-2", "page-4"]

    async def test_a_page_that_is_put_off_and_repeated_at_once_is_sent_again(self, ledger):
        await ledger.change("page-1", asking(an_email()))
        put_off, again = await asyncio.gather(
            ledger.change("page-1", lambda stored, now: settle(stored, 1, Deferred(timedelta(0), "busy"), now)),
            ledger.change("page-1", asking(an_email())),
        )
        assert (put_off.state, put_off.attempt_count) == (DeliveryState.DEFERRED, 1)
        assert (again.state, again.attempt_count, again.doubt_count) == (DeliveryState.SENDING, 2, 0)
        assert await ledger.find("page-1") == again

    async def test_the_ledger_is_read_from_the_newest_page_by_page(self, ledger):
        await self.fill(ledger)
        seen, position = [], None
        while lines := await ledger.newest((), 2, position):
            seen += [line.delivery_id for line in lines]
            position = LedgerPosition(lines[-1].create_time, lines[-1].delivery_id)
        assert seen == ["d", "e", "c", "b", "a"]

    async def test_the_ledger_is_filtered_by_state(self, ledger):
        await self.fill(ledger)
        accepted = await ledger.newest({DeliveryState.ACCEPTED}, 10, None)
        assert [line.delivery_id for line in accepted] == ["d", "b"]
        both = await ledger.newest({DeliveryState.ACCEPTED, DeliveryState.SENDING}, 3, None)
        assert [line.delivery_id for line in both] == ["d", "e", "c"]
        assert await ledger.newest({DeliveryState.UNKNOWN}, 10, None) == []

    async def fill(self, ledger: DeliveryLedger) -> None:
        """Five lines: d is the newest; b and c, which were made in one instant, are ordered by their ids."""
        for delivery_id, age in (("a", 4), ("b", 3), ("c", 3), ("e", 2), ("d", 1)):
            rule = asking(an_email(delivery_id))
            await ledger.change(delivery_id, lambda stored, now, rule=rule, age=age: _older(rule(stored, now), age))
        for delivery_id in ("b", "d"):
            await ledger.change(delivery_id, accepting())


def _older(delivery: Delivery, age: int) -> Delivery:
    instant = delivery.create_time.replace(hour=0, minute=0, second=0, microsecond=0)
    return replace(delivery, create_time=instant - timedelta(seconds=age))
