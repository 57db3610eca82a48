"""What everybody who forgets deliveries promises. A signer gives ``ledger``, ``history`` and ``pass_by``, a clock."""

from datetime import timedelta

import pytest
from contracts.notifier_delivery_ledger import accepting, asking
from fakes.notifier_builders import an_email

from pager_domain.errors import InvalidField
from pager_domain.notifier.model import Deferred, InDoubt, Refused, settle
from pager_domain.notifier.retention import LEAST_KEPT

KEPT = timedelta(days=30)
A_MINUTE = timedelta(minutes=1)


def ending(answer, attempt_count=1):
    return lambda stored, now: settle(stored, attempt_count, answer, now)


class DeliveryHistoryContract:
    @pytest.fixture
    def ledger(self):
        raise NotImplementedError

    async def test_a_delivery_is_forgotten_when_it_ended_long_enough_ago(self, ledger, history, pass_by):
        await ledger.change("taken", asking(an_email("taken")))
        await ledger.change("refused", asking(an_email("refused")))
        await pass_by(KEPT)  # it is not how long ago they began
        await ledger.change("taken", accepting())
        await ledger.change("refused", ending(Refused("no such user")))
        assert await history.forget(KEPT) == 0
        await pass_by(KEPT + A_MINUTE)
        assert await history.forget(KEPT) == 2
        assert await history.forget(KEPT) == 0
        assert await ledger.newest((), 10, None) == []

    @pytest.mark.parametrize("answer", [None, Deferred(timedelta(0), "busy"), InDoubt("timeout")])
    async def test_a_delivery_that_a_repeat_would_send_again_is_kept_for_ever(self, ledger, history, pass_by, answer):
        await ledger.change("page-1", asking(an_email()))
        if answer:
            await ledger.change("page-1", ending(answer))
        await pass_by(100 * KEPT)
        assert await history.forget(KEPT) == 0

    async def test_the_third_doubt_is_an_end(self, ledger, history, pass_by):
        for attempt in (1, 2, 3):
            await ledger.change("page-1", asking(an_email()))
            await ledger.change("page-1", ending(InDoubt("timeout"), attempt))
        await pass_by(KEPT + A_MINUTE)
        assert await history.forget(KEPT) == 1

    async def test_nobody_forgets_sooner_than_repeats_may_come_unmarked(self, history):
        with pytest.raises(InvalidField):
            await history.forget(LEAST_KEPT - A_MINUTE)
