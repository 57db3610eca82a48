"""The rooms as ``bootstrap.py`` puts them together, with another network, other disks and the limits of one run."""

import asyncio
import logging
import sys
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import structlog
from sealed import ADDRESS_KEY
from simulation.chance import Knobs
from simulation.disk import SimulatedSqlite
from simulation.network import SimulatedChannel
from simulation.people import policy_of_people
from simulation.processes import current_process
from simulation.providers import AdapterBug, SimulatedProvider
from simulation.servers import SimulatedServer
from sqlalchemy.exc import DBAPIError

from pager_domain.pager.events import IncidentId
from pager_domain.pager.storm import Pace
from pager_grpc import room_server
from pager_grpc.notifier import bootstrap as notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.pager import (
    audit_loop,
    delivery_loop,
    escalation_loop,
    escalation_policies_grpc,
    notification_claims_sql,
    request_lanes,
    wakeups,
)
from pager_grpc.pager import bootstrap as pager
from pager_grpc.pager import composition as pager_composition
from pager_grpc.pager.config import PagerSettings
from pager_grpc.policy import bootstrap as policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime import sqlite_file
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.database_errors import is_contention

PAGER, POLICY, NOTIFIER = "127.0.0.1:50051", "127.0.0.1:50052", "127.0.0.1:50053"
CATCH_ALL = "everybody@example.com"
_COMMON: dict[str, Any] = {"_env_file": None, "PAGERD_DATA": Path("/nowhere"), "PAGERD_REFLECTION": False}
_PAGER = PagerSettings(
    PAGER_LISTEN=PAGER,
    PAGER_POLICY_TARGET=POLICY,
    PAGER_NOTIFIER_TARGET=NOTIFIER,
    PAGER_CATCH_ALL_EMAIL=CATCH_ALL,
    PAGER_ADDRESS_KEYS=ADDRESS_KEY,
    **_COMMON,
)
_POLICY = PolicySettings(POLICY_LISTEN=POLICY, POLICY_NOTIFIER_TARGET=NOTIFIER, **_COMMON)
_NOTIFIER = NotifierSettings(NOTIFIER_LISTEN=NOTIFIER, **_COMMON)
_UNEXPECTED = 40  # the level of structlog's errors


def serve_pager(database: Database) -> AbstractAsyncContextManager[int]:
    """The pager room on an open database."""
    return pager.running_pager(_PAGER, database=database)


def serve_policy(database: Database) -> AbstractAsyncContextManager[int]:
    """The policy room on an open database."""
    return policy.running_policy(_POLICY, database=database)


def serving_notifier(provider: SimulatedProvider) -> Any:
    """The notifier room between an open database and ``provider``."""

    def serve(database: Database) -> AbstractAsyncContextManager[int]:
        return notifier.running_notifier(_NOTIFIER, database=database, email_sender=provider, sms_sender=provider)

    return serve


@contextmanager
def simulated(knobs: Knobs) -> Iterator[None]:
    """What the processes of a real machine share is that of the simulated world while this is entered."""
    pause = knobs.safety_pause_seconds
    with (
        mock.patch.multiple(
            room_server,
            Server=SimulatedServer,
            prepare_schema=_schema_is_there,
            offering_backups=nullcontext,  # they come by a socket
        ),
        mock.patch.multiple(pager, open_channel=SimulatedChannel, MAX_BATCH=knobs.batch),
        mock.patch.object(request_lanes, "MAX_BATCH", knobs.batch),
        mock.patch.object(policy, "open_channel", SimulatedChannel),
        mock.patch.multiple(
            pager_composition,
            new_incident_id=_new_incident_id,
            Pace=lambda _burst: Pace(knobs.burst, timedelta(seconds=knobs.message_seconds)),
        ),
        mock.patch.object(delivery_loop, "IN_FLIGHT", knobs.in_flight),
        mock.patch.object(escalation_loop, "BATCH", knobs.batch),
        mock.patch.object(wakeups, "SAFETY_PAUSE_SECONDS", pause),
        mock.patch.object(escalation_policies_grpc, "policy_of", policy_of_people),
        mock.patch.object(audit_loop, "monotonic", _virtual_time),
        mock.patch.object(sqlite_file, "SqliteConnection", SimulatedSqlite),
        mock.patch.object(notification_claims_sql, "LEASE", timedelta(seconds=knobs.lease_seconds)),
    ):
        yield


def silence() -> None:
    """Logs are heard by the world alone: what a room calls an error is looked at, the rest is dropped."""
    logging.disable(logging.CRITICAL)
    structlog.configure(
        processors=[_hear],
        wrapper_class=structlog.make_filtering_bound_logger(_UNEXPECTED),
        cache_logger_on_first_use=True,
    )


def _hear(_logger: Any, _method: str, event: dict[str, Any]) -> Any:
    error = sys.exc_info()[1] if event.get("exc_info") is True else event.get("exc_info")
    process = current_process()
    # A loop that lost to another transaction says so and tries again.
    expected = isinstance(error, AdapterBug) or (isinstance(error, DBAPIError) and is_contention(error))
    if process is not None and not expected:
        process.world.heard(f"{process.name}: {event['event']} {error!r}")
    raise structlog.DropEvent


async def _schema_is_there(_database: Database, _room: str) -> None:
    """The file began as a copy of a migrated one."""


def _virtual_time() -> float:
    return asyncio.get_running_loop().time()


def _new_incident_id() -> IncidentId:
    process = current_process()
    assert process is not None, "only a node opens incidents"
    return IncidentId(f"incident-{next(process.world.incident_numbers):03}")
