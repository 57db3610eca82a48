"""The policy room put together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from secrets import token_bytes

import grpc
from prometheus_client import Counter

from pager_domain.policy.application import PolicyApplicationService
from pager_domain.policy.applying import ConfigurationApplicationService
from pager_domain.policy.checking import ReachabilityCheck
from pager_domain.policy.on_call_application import OnCallApplicationService
from pager_domain.policy.people_application import PeopleApplicationService
from pager_domain.policy.ports.verification_sender import VerificationSender
from pager_domain.policy.schedule_application import ScheduleApplicationService
from pager_domain.policy.verifying import VerifyingApplicationService
from pager_grpc.gen.policy.v1 import (
    configuration_service_pb2_grpc,
    people_service_pb2_grpc,
    policy_service_pb2_grpc,
    schedule_service_pb2_grpc,
)
from pager_grpc.policy import configuration_servicer, people_servicer, schedule_servicer
from pager_grpc.policy.access_table import ACCESS
from pager_grpc.policy.calendars_http import serving_calendars
from pager_grpc.policy.config import PolicySettings
from pager_grpc.policy.configuration_servicer import ConfigurationServicer
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.policy.lanes import LANES, PLACES
from pager_grpc.policy.people_servicer import PeopleServicer
from pager_grpc.policy.reachability_loop import ReachabilityLoop
from pager_grpc.policy.schedule_servicer import ScheduleServicer
from pager_grpc.policy.servicer import SERVICE_NAME, PolicyServicer
from pager_grpc.policy.verification_sender_grpc import GrpcVerificationSender
from pager_grpc.policy.wire_errors import ERRORS
from pager_grpc.policy.zones import use_packaged_zones
from pager_grpc.room_server import RoomContract, server_of, surroundings_of
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import Database
from pager_grpc.runtime.forgetting import ForgettingLoop
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.server import Server
from pager_grpc.runtime.supervision import Doorbell, run_forever, running

_FORGOTTEN_AT_ONCE = 1000
# They look at every policy, or at every day of three months.
_LONGER = dict.fromkeys(
    ("/policy.v1.PolicyService/CheckReachability", "/policy.v1.ConfigurationService/ApplyConfiguration"), 60.0
)
_CONTRACT = RoomContract(
    services=(
        SERVICE_NAME,
        people_servicer.SERVICE_NAME,
        schedule_servicer.SERVICE_NAME,
        configuration_servicer.SERVICE_NAME,
    ),
    errors=ERRORS,
    access=ACCESS,
    lanes=LANES,
    places=PLACES,
    # Policies are administration: ten thousand services with ids of usual length fit one message.
    max_message_bytes=1024 * 1024,
    longer=_LONGER,
)


@asynccontextmanager
async def running_policy(
    settings: PolicySettings,
    *,
    database: Database | None = None,
    verification_sender: VerificationSender | None = None,
    metrics: Metrics | None = None,
) -> AsyncIterator[int]:
    """Serves while it is entered and yields the port; running calls are finished when it is left.

    Without a ``verification_sender`` the notifier of ``settings`` sends codes.
    A ``database`` that is given stays open; ``metrics`` says where they are served.

    Raises:
        ConfigurationFault: the address or the database cannot be used.
    """
    use_packaged_zones()
    async with AsyncExitStack() as stack:
        around = await stack.enter_async_context(surroundings_of(settings, database=database, metrics=metrics))
        neighbors: dict[str, grpc.aio.Channel] = {}
        if verification_sender is None:
            key = settings.own_service_key
            notifier = open_channel(settings.notifier_target, tls=around.tls, room="notifier", key=key)
            neighbors["notifier"] = await stack.enter_async_context(notifier)
            verification_sender = GrpcVerificationSender(neighbors["notifier"])
        server = server_of(_CONTRACT, around, neighbors=neighbors)
        store = SqlPolicyStore(around.database)
        _serve(server, store, verification_sender)
        if settings.calendars_listen is not None:
            on_call = OnCallApplicationService(store)
            await stack.enter_async_context(serving_calendars(on_call, settings.calendars_listen, around.tls))
        port = await server.start(settings.listen)
        loops = [run_forever("policy_health", partial(server.check_health, around.database), Doorbell())]
        loops.append(run_forever("forgetting", _forgetting(store, around.metrics).step, Doorbell()))
        if settings.metrics_listen is not None:
            reachability = ReachabilityLoop(ReachabilityCheck(store), around.metrics.registry)
            loops.append(run_forever("reachability", reachability.step, Doorbell()))
        try:
            async with running(*loops):
                yield port
        finally:
            await server.stop()


def _serve(server: Server, store: SqlPolicyStore, verification_sender: VerificationSender) -> None:
    policies = PolicyServicer(PolicyApplicationService(store), ReachabilityCheck(store))
    policy_service_pb2_grpc.add_PolicyServiceServicer_to_server(policies, server.grpc)
    verifying = VerifyingApplicationService(store, verification_sender, token_bytes)
    people = PeopleServicer(PeopleApplicationService(store), verifying)
    people_service_pb2_grpc.add_PeopleServiceServicer_to_server(people, server.grpc)
    schedules = ScheduleServicer(ScheduleApplicationService(store), OnCallApplicationService(store))
    schedule_service_pb2_grpc.add_ScheduleServiceServicer_to_server(schedules, server.grpc)
    configuration = ConfigurationServicer(ConfigurationApplicationService(store))
    configuration_service_pb2_grpc.add_ConfigurationServiceServicer_to_server(configuration, server.grpc)


def _forgetting(store: SqlPolicyStore, metrics: Metrics) -> ForgettingLoop:
    application = PolicyApplicationService(store)

    async def forget() -> tuple[str, int] | None:
        rows = await application.forget_turns(_FORGOTTEN_AT_ONCE)
        return ("turn", rows) if rows else None

    counter = Counter("policy_forgotten_rows_total", "Rows, forgotten.", ["what"], registry=metrics.registry)
    counter.labels("turn")
    return ForgettingLoop(forget, counter)
