"""What every delivery ledger promises. A signer gives :class:`DeliveryLedgerContract` a ``ledger``."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.notifier_builders import an_email, an_sms

from pager_domain.notifier.errors import DeliveryInProgress, RequestIdReused
from pager_domain.notifier.messages import Message
from pager_domain.notifier.model import (
    LEASE,
    Accepted,
    Deferred,
    Delivery,
    DeliveryState,
    HandOffRequest,
    begin,
    settle,
)
from pager_domain.notifier.ports.delivery_ledger import DeliveryLedger, LedgerPosition


def asking(message: Message, fencing_token: int = 0):
    """The rule that begins an attempt."""
    return lambda stored, now: begin(stored, HandOffRequest(message, "fake", fencing_token), now)


def accepting(attempt_count: int = 1):
    """The rule that records that a provider took it."""
    return lambda stored, now: settle(stored, attempt_count, Accepted("their-id"), now)


def deferring(attempt_count: int):
    """The rule that records that a provider wants it in seven seconds."""
    return lambda stored, now: settle(stored, attempt_count, Deferred(timedelta(seconds=7), "busy"), now)


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

    async def test_a_hand_off_that_goes_as_foreseen_is_stored_as_if_it_had_been_looked_at(self, ledger):
        for message in (an_email("page-é"), an_sms("page-2")):
            page = message.delivery_id
            begun = await ledger.change_foreseen(page, None, asking(message, 2**40))
            assert (begun.state, begun.create_time) == (DeliveryState.SENDING, begun.update_time)
            assert begun.sending_until - begun.update_time == LEASE
            assert await ledger.find(page) == begun
            put_off = await ledger.change_foreseen(page, begun, deferring(1))
            assert (put_off.state, put_off.create_time) == (DeliveryState.DEFERRED, begun.create_time)
            assert put_off.retry_time - put_off.update_time == timedelta(seconds=7)
            assert put_off.update_time >= begun.update_time
            assert await ledger.find(page) == put_off
            again = await ledger.change(page, asking(message, 2**40 + 1))
            settled = await ledger.change_foreseen(page, again, accepting(2))
            assert (settled.provider_message_id, settled.retry_time) == ("their-id", None)
            assert await ledger.find(page) == settled

    async def test_the_moments_of_what_is_foreseen_are_those_of_the_ledger(self, ledger):
        begun = await ledger.change("page-1", asking(an_email()))
        foreseen = await ledger.change_foreseen("page-2", None, asking(an_email("page-2")))
        after = await ledger.change("page-3", asking(an_email("page-3")))
        assert begun.update_time <= foreseen.update_time <= after.update_time

    async def test_what_is_foreseen_may_keep_moments_that_are_stored(self, ledger):
        begun = await ledger.change("page-1", asking(an_email()))
        put_off = await ledger.change("page-1", deferring(1))
        rule = lambda stored, now: replace(stored, provider="other", update_time=now)  # noqa: E731 - a rule
        moved = await ledger.change_foreseen("page-1", put_off, rule)
        assert (moved.retry_time, moved.create_time) == (put_off.retry_time, begun.create_time)
        assert await ledger.find("page-1") == moved

    async def test_who_foresees_a_new_line_that_is_there_may_not_send(self, ledger):
        begun = await ledger.change("page-1", asking(an_email()))
        with pytest.raises(DeliveryInProgress):
            await ledger.change_foreseen("page-1", None, asking(an_email()))
        with pytest.raises(RequestIdReused):
            await ledger.change_foreseen("page-1", None, asking(an_email(text="something else")))
        assert await ledger.find("page-1") == begun

    async def test_who_foresees_what_is_not_stored_any_more_changes_what_is(self, ledger):
        first = await ledger.change_foreseen("page-1", None, asking(an_email()))
        await ledger.change_foreseen("page-1", first, deferring(1))
        second = await ledger.change("page-1", asking(an_email()))
        assert await ledger.change_foreseen("page-1", first, accepting(1)) == second
        assert await ledger.find("page-1") == second

    async def test_who_foresees_a_line_that_is_not_there_makes_it(self, ledger):
        begun = await ledger.change("page-1", asking(an_email()))
        lost = replace(begun, delivery_id="page-2")
        rule = lambda stored, now: settle(stored or lost, 1, Accepted("their-id"), now)  # noqa: E731 - a rule
        settled = await ledger.change_foreseen("page-2", lost, rule)
        assert settled.state is DeliveryState.ACCEPTED
        assert await ledger.find("page-2") == settled

    async def test_of_what_is_foreseen_at_once_each_is_judged_alone(self, ledger):
        known = await ledger.change("page-1", asking(an_email()))
        answers = await asyncio.gather(
            ledger.change_foreseen("page-3", None, asking(an_email("page-3"))),
            ledger.change_foreseen("page-1", None, asking(an_email())),
            ledger.change_foreseen("page-2", None, asking(an_email("page-2"))),
            ledger.change_foreseen("page-2", None, asking(an_email("page-2"))),
            return_exceptions=True,
        )
        assert [type(each) for each in answers] == [Delivery, DeliveryInProgress, Delivery, DeliveryInProgress]
        ends = await asyncio.gather(
            ledger.change_foreseen("page-1", known, accepting()),
            ledger.change_foreseen("page-4", None, asking(an_email("page-4"))),
            ledger.change_foreseen("page-2", answers[2], deferring(1)),
        )
        assert [each.delivery_id for each in ends] == ["page-1", "page-4", "page-2"]
        assert [await ledger.find(each.delivery_id) for each in ends] == ends

    async def test_of_two_that_foresee_a_new_line_at_once_one_may_send(self, ledger):
        asked = [ledger.change_foreseen("page-1", None, asking(an_email())) for _ in range(8)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(answer, Delivery) for answer in answers) == 1
        assert sum(isinstance(answer, DeliveryInProgress) for answer in answers) == 7

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
