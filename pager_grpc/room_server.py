"""What every room has in common: what it works with, and a server with all that stands before its own services.

Limits, who may call, lanes, the record of changes, the status: a room adds what only it serves.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import grpc

from pager_grpc.access.bootstrap import access_of
from pager_grpc.access.config import AccessSettings
from pager_grpc.access.principal import current_principal
from pager_grpc.access.table import AccessTable
from pager_grpc.changes import bootstrap as changes
from pager_grpc.runtime.admission import Admission, LaneOf
from pager_grpc.runtime.certificate_watch import watched_tls
from pager_grpc.runtime.database import Database, open_database
from pager_grpc.runtime.deadlines import ImposedDeadlines
from pager_grpc.runtime.doors import overtaking
from pager_grpc.runtime.durability import require_durable
from pager_grpc.runtime.errors import ErrorTable
from pager_grpc.runtime.lanes import Lane
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.metrics_database import measure_database
from pager_grpc.runtime.rpc_boundary import RpcLayer
from pager_grpc.runtime.schema import newest_revision, prepare_schema
from pager_grpc.runtime.server import Server
from pager_grpc.runtime.sqlite_backup import offering_backups
from pager_grpc.runtime.succession import refuse_former_primaries
from pager_grpc.runtime.tracing import Tracing, tracing_as_configured
from pager_grpc.runtime.tracing_rpc import calls_in
from pager_grpc.status import servicer as status
from pager_grpc.status.servicer import Part, StatusServicer, nothing_more

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls


@dataclass(frozen=True, slots=True, kw_only=True)
class RoomContract:
    """What a room says of its calls. ``longer`` are the methods that may take more seconds than a call usually does."""

    services: Sequence[str]
    errors: ErrorTable
    access: AccessTable
    lanes: Mapping[str, LaneOf]
    places: Mapping[Lane, int]
    max_message_bytes: int = 64 * 1024
    longer: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a room works with; ``rpcs`` are the layers that count calls, none where nobody asks for metrics."""

    settings: AccessSettings
    database: Database
    metrics: Metrics
    rpcs: list[RpcLayer]
    tls: "Tls | None"
    tracing: Tracing | None


@asynccontextmanager
async def surroundings_of(
    settings: AccessSettings,
    *,
    database: Database | None,
    metrics: Metrics | None,
) -> AsyncIterator[Surroundings]:
    """What a room works with, while it is entered: a database with its schema, certificates, metrics, traces.

    A ``database`` that is given stays open.

    Raises:
        ConfigurationFault: an address or the database cannot be used.
    """
    room, metrics = settings.room, metrics or Metrics()
    async with AsyncExitStack() as stack:
        tracing = await stack.enter_async_context(tracing_as_configured(settings, room, metrics.registry))
        if database is None:
            database = open_database(settings.database_url, known_revision=newest_revision(room))
            stack.push_async_callback(database.close)
            refuse_former_primaries(database)
        await require_durable(database, room, allow_data_loss=settings.allow_data_loss)
        await prepare_schema(database, room)
        await stack.enter_async_context(offering_backups(database))
        tls = await stack.enter_async_context(watched_tls(settings, metrics.registry))
        rpcs = await stack.enter_async_context(metrics.served(room, settings.metrics_listen, tls))
        if rpcs:
            measure_database(database, metrics.registry)
        yield Surroundings(settings=settings, database=database, metrics=metrics, rpcs=rpcs, tls=tls, tracing=tracing)


def server_of(
    contract: RoomContract,
    around: Surroundings,
    *,
    neighbors: Mapping[str, grpc.aio.Channel],
    part: Part = nothing_more,
) -> Server:
    """A server that is not started and lacks the room's own services.

    ``neighbors`` are the rooms that this one calls; ``part`` adds to its status what only it knows.
    """
    settings, registry = around.settings, around.metrics.registry
    access = access_of(settings, contract.access, around.database)
    # The outermost first: whoever is refused by one is no matter of the next.
    layers = [
        ImposedDeadlines(settings.deadline, settings.stream_age, contract.longer),
        *access.layers,
        changes.attribution(current_principal),
        Admission(contract.lanes, contract.places, contract.errors, registry),
    ]
    server = Server(
        contract.services[0],
        access.errors_with(contract.errors),
        also_served=[*contract.services[1:], *access.also_served, changes.SERVICE_NAME, status.SERVICE_NAME],
        reflected=access.reflected,
        metrics=around.rpcs,
        tls=around.tls,
        callers_listen=settings.callers_listen,
        traces=calls_in(around.tracing),
        limits=settings.limits(contract.max_message_bytes),
        doors=overtaking(contract.lanes),
        layers=layers,
    )
    access.serve(server.grpc)
    changes.serve_change_log(server, around.database)
    told = StatusServicer(
        settings.room,
        around.database,
        registry,
        neighbors=neighbors,
        authenticated=settings.access_required,
        part=part,
    )
    status.serve_status(server, told)
    return server
