"""A caller who leaves a stream early: what the layers within hold is free at once, not when memory is tidied up."""

import asyncio
from contextlib import aclosing
from types import SimpleNamespace

import grpc
import pytest
from adapters.access.rooms import bearer
from fakes.access_builders import T0, a_grant, a_key, shown
from fakes.api_keys import FakeApiKeys
from fakes.tracing import A_CALLER, FakeTracing
from prometheus_client import CollectorRegistry

from pager_domain.access.principal import Role, Verb
from pager_domain.access.rules import Rule
from pager_domain.errors import Overloaded
from pager_grpc.access.callers import Callers
from pager_grpc.access.known_keys import KnownKeys
from pager_grpc.access.layer import AccessLayer
from pager_grpc.access.table import Row
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.pager.alert_refusals import AlertRefusals
from pager_grpc.pager.metrics_alerts import AlertMetrics
from pager_grpc.runtime.admission import Admission
from pager_grpc.runtime.deadlines import ImposedDeadlines
from pager_grpc.runtime.identities import spiffe_id
from pager_grpc.runtime.lanes import Lane
from pager_grpc.runtime.metrics import RpcMetrics
from pager_grpc.runtime.rpc_boundary import RpcBoundary
from pager_grpc.runtime.trace_context import METADATA_KEY
from pager_grpc.runtime.tracing_rpc import TracedCalls

METHOD = "/pager.v1.PagerService/RaiseAlerts"
ERRORS = {Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_OVERLOADED")}
KEY = a_key("watcher1", a_grant(Role.ADMIN))
CERTIFIED = ()
TRACED = ((METADATA_KEY, A_CALLER),)


def access():
    clock = SimpleNamespace(now=lambda: T0)
    callers = Callers(KnownKeys(FakeApiKeys(KEY), {}), clock, None, lambda _: spiffe_id("admin"))
    return AccessLayer(callers, {METHOD: Row(Rule(Verb.READ, frozenset({Role.ADMIN})))})


def registry():
    return CollectorRegistry()


class Call:
    """The context of a call whose metadata is this."""

    def __init__(self, metadata) -> None:
        self._metadata = metadata

    def invocation_metadata(self):
        return self._metadata

    def time_remaining(self):
        return None


class Served:
    """Answers once and waits; ``inside`` are calls that have not been left."""

    def __init__(self) -> None:
        self.inside = 0

    async def __call__(self, requests, context):
        self.inside += 1
        try:
            yield pb.RaiseAlertsResponse()
            await asyncio.Event().wait()
        finally:
            self.inside -= 1


@pytest.mark.parametrize(
    ("outside", "inside", "metadata"),
    [
        pytest.param([], [], (), id="boundary"),
        pytest.param([RpcMetrics(registry())], [], (), id="metrics"),
        pytest.param([AlertRefusals(AlertMetrics(registry()))], [], (), id="refusals"),
        pytest.param([TracedCalls(FakeTracing())], [], (), id="untraced"),
        pytest.param([TracedCalls(FakeTracing())], [], TRACED, id="traced"),
        pytest.param([], [access()], CERTIFIED, id="certificate"),
        pytest.param([], [access()], bearer(shown("watcher1")), id="key"),
        pytest.param([], [ImposedDeadlines(1, 1)], (), id="deadlines"),
    ],
)
async def test_a_caller_who_leaves_frees_its_place_at_once(outside, inside, metadata):
    served = Served()
    admission = Admission({METHOD: Lane.RAISE}, {Lane.RAISE: 1}, ERRORS, registry(), patience=0.01)
    boundary = RpcBoundary(ERRORS, outside=outside, inside=[*inside, admission])

    async def found(_details):
        return grpc.stream_stream_rpc_method_handler(served)

    handler = await boundary.intercept_service(found, SimpleNamespace(method=METHOD))
    for _ in range(2):
        async with aclosing(handler.stream_stream(pb.RaiseAlertsRequest(), Call(metadata))) as responses:
            await anext(responses)
            assert served.inside == 1
        assert served.inside == 0
