"""Bugs to be found: each makes the rooms break a promise while it is entered."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import timedelta
from unittest import mock

from pager_domain.notifier import model as notifier_model
from pager_domain.notifier.application import NotifierApplicationService, _without_recipient
from pager_domain.notifier.model import HandOffRequest, begin, outcome
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.unit_of_work_sql import SqlUnitOfWork
from pager_grpc.pager.wakeups import Wakeups


def _the_outbox_forgets() -> AbstractContextManager[object]:
    async def record(self, results):
        return len(results)

    return mock.patch.object(SqlNotificationOutbox, "record", record)


def _sent_before_it_is_stored() -> AbstractContextManager[object]:
    async def attempt(self, message, provider, fencing_token, remaining, send):
        request = HandOffRequest(message, provider, fencing_token)
        answer = await send(message, min(timedelta(seconds=4), remaining()))
        begun = await self._ledger.change(message.delivery_id, lambda stored, now: begin(stored, request, now))
        if begun.state is not notifier_model.DeliveryState.SENDING:
            return outcome(begun)
        return outcome(await self._record(begun, _without_recipient(answer, message)))

    return mock.patch.object(NotifierApplicationService, "_attempt", attempt)


def _answered_before_the_commit() -> AbstractContextManager[object]:
    async def commit(self):
        self.wakeups.ring(self.work)

    return mock.patch.object(SqlUnitOfWork, "commit", commit)


def _nobody_is_woken() -> AbstractContextManager[object]:
    return mock.patch.object(Wakeups, "ring")


def _repeats_are_forgotten() -> AbstractContextManager[object]:
    async def stored_answers(self, requests):
        return {}

    return mock.patch.object(SqlUnitOfWork, "stored_answers", stored_answers)


PLANTED: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "the-outbox-forgets": _the_outbox_forgets,
    "sent-before-it-is-stored": _sent_before_it_is_stored,
    "answered-before-the-commit": _answered_before_the_commit,
    "nobody-is-woken": _nobody_is_woken,
    "repeats-are-forgotten": _repeats_are_forgotten,
}
