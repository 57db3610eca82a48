"""Named places where a room dies, put around its own methods from outside; the product knows nothing of them.

``CRASH_AT=claim.committed:2`` kills this process with SIGKILL at the second passage of that place. In the pager:

    raise, acknowledge, healthy, escalation, claim, record   each .before_commit and .committed; a transaction that
                                                              fires a level and claims its pages is both
    send                                                      .before and .after the call of the notifier

and in the notifier ``sending`` and ``settled`` (the ledger, before_commit and committed) around ``provider`` (before
and after). Leases and deadlines are shorter here, so that a page whose holder died is owed again soon.
"""

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import replace
from datetime import timedelta
from functools import wraps
from pathlib import Path
from typing import Any

from pager_domain.notifier import application as notifier_application
from pager_domain.notifier import model as notifier_model
from pager_domain.notifier.model import DeliveryState
from pager_domain.pager.application import PagerApplicationService
from pager_domain.pager.events import Acknowledgement, Alert, HealthyEvent
from pager_grpc.notifier import bootstrap as notifier_bootstrap
from pager_grpc.notifier import deliveries_sql
from pager_grpc.notifier.deliveries_sql import SqlDeliveryLedger
from pager_grpc.notifier.email_smtp import SmtpEmailSender
from pager_grpc.notifier.sms_http import HttpSmsSender
from pager_grpc.pager import notification_claims_sql, notification_senders_grpc
from pager_grpc.pager.delivery_loop import DeliveryLoop
from pager_grpc.pager.notification_claims_sql import Claiming
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.notification_senders_grpc import GrpcNotificationSenders
from pager_grpc.pager.unit_of_work_sql import SqlUnitOfWork
from pager_grpc.runtime.database import Database

LEASE = timedelta(seconds=3)
CALL_DEADLINE_SECONDS = 2.0
PROVIDER_BUDGET = timedelta(seconds=1.5)

NAMES = {Alert: "raise", Acknowledgement: "acknowledge", HealthyEvent: "healthy"}
_doing: ContextVar[str] = ContextVar("doing", default="")
_claimed: ContextVar[bool] = ContextVar("claimed", default=False)


def _passage() -> Callable[[str], None]:
    """A function that is told each place that is passed, and kills at the one that CRASH_AT names."""
    passed: Counter[str] = Counter()
    place, _, number = os.environ.get("CRASH_AT", "").partition(":")

    def passing(name: str) -> None:
        passed[name] += 1
        if name == place and passed[name] == int(number):
            die()

    return passing


def die() -> None:
    """As the kernel's out-of-memory killer does it; the mark says that it was meant."""
    Path(os.environ["CRASH_MARK"]).touch()
    os.kill(os.getpid(), signal.SIGKILL)


def install(room: str) -> None:
    """Puts the places of ``room`` into this process."""
    passing = _passage()
    if room == "pager":
        _install_pager(passing)
    elif room == "notifier":
        _install_notifier(passing)


def _install_pager(passing: Callable[[str], None]) -> None:
    notification_claims_sql.LEASE = LEASE
    notification_senders_grpc.DEADLINE_SECONDS = CALL_DEADLINE_SECONDS
    _naming(PagerApplicationService, "handle", lambda batch: NAMES[type(batch[0].event)])
    _naming(PagerApplicationService, "escalate_due", lambda _: "escalation")
    _naming(SqlNotificationOutbox, "claim", lambda _: "claim")
    _naming(SqlNotificationOutbox, "record", lambda _: "record")
    _watch_commits(passing)
    for method in ("claims", "alone_of"):
        _noting_what_is_claimed(method)
    if "CRASH_WITHOUT_ROOM" in os.environ:
        DeliveryLoop.room = property(lambda _: 0)
    _watch_transactions(passing, "claim", "record")
    for method in ("send_email", "send_sms"):
        _around(GrpcNotificationSenders, method, passing, lambda: "send", ("before", "after"))


def _install_notifier(passing: Callable[[str], None]) -> None:
    notifier_model.LEASE = notifier_bootstrap.LEASE = LEASE
    notifier_application.PROVIDER_BUDGET = PROVIDER_BUDGET
    deliveries_sql.MAX_BATCH = 1  # whether two deliveries share a transaction would be chance
    change_all = SqlDeliveryLedger.change_all

    async def named_changes(self: SqlDeliveryLedger, changes: Any) -> Any:
        token = _doing.set("")
        try:
            return await change_all(self, [replace(change, rule=_naming_its_end(change.rule)) for change in changes])
        finally:
            _doing.reset(token)

    SqlDeliveryLedger.change_all = named_changes
    _watch_transactions(passing, "sending", "settled")
    _around(SmtpEmailSender, "send_email", passing, lambda: "provider", ("before", "after"))
    _around(HttpSmsSender, "send_sms", passing, lambda: "provider", ("before", "after"))


def _naming_its_end(rule: Any) -> Any:
    def named_rule(stored: Any, now: Any) -> Any:
        changed = rule(stored, now)
        if changed != stored:
            _doing.set("sending" if changed.state is DeliveryState.SENDING else "settled")
        return changed

    return named_rule


def _naming(kind: type, method: str, name: Callable[[Any], str]) -> None:
    """While ``method`` runs, what is committed goes by the name that its argument has."""
    original = getattr(kind, method)

    @wraps(original)
    async def named(self: Any, argument: Any, *more: Any) -> Any:
        token = _doing.set(name(argument))
        try:
            return await original(self, argument, *more)
        finally:
            _doing.reset(token)

    setattr(kind, method, named)


def _around(
    kind: type, method: str, passing: Callable[[str], None], name: Callable[[], str], places: tuple[str, str]
) -> None:
    original = getattr(kind, method)

    @wraps(original)
    async def watched(self: Any, *arguments: Any) -> Any:
        passing(f"{name()}.{places[0]}")
        result = await original(self, *arguments)
        passing(f"{name()}.{places[1]}")
        return result

    setattr(kind, method, watched)


def _watch_commits(passing: Callable[[str], None]) -> None:
    """Units of work; one in which pages were claimed passes the places of a claim, too."""
    original = SqlUnitOfWork.commit

    @wraps(original)
    async def watched(self: SqlUnitOfWork) -> None:
        names = [_doing.get(), *(["claim"] if _claimed.get() else [])]
        _claimed.set(False)
        for name in names:
            passing(f"{name}.before_commit")
        await original(self)
        for name in names:
            passing(f"{name}.committed")

    SqlUnitOfWork.commit = watched


def _noting_what_is_claimed(method: str) -> None:
    """A claim of nothing is no claim."""
    original = getattr(Claiming, method)

    @wraps(original)
    async def noted(self: Claiming, *arguments: Any) -> Any:
        claims = await original(self, *arguments)
        _claimed.set(bool(claims))
        return claims

    setattr(Claiming, method, noted)


def _watch_transactions(passing: Callable[[str], None], *names: str) -> None:
    """Transactions that commit by leaving ``begin``; a claim counts only if it found something."""
    begin = Database.begin

    @asynccontextmanager
    async def watched(self: Database) -> Any:
        counts = False
        async with begin(self) as connection:
            yield connection
            name = _doing.get()
            counts = name in names and (name != "claim" or _claimed.get())
            if counts:
                passing(f"{name}.before_commit")
        if counts:
            passing(f"{name}.committed")

    Database.begin = watched
    _watch_lone_statements(passing, *names)


def _watch_lone_statements(passing: Callable[[str], None], *names: str) -> None:
    """Statements that are transactions of their own: what they are about is known before they begin."""
    alone = Database.alone

    @asynccontextmanager
    async def watched(self: Database) -> Any:
        name = _doing.get()
        if name in names:
            passing(f"{name}.before_commit")
        async with alone(self) as connection:
            yield connection
        if name in names:
            passing(f"{name}.committed")

    Database.alone = watched
