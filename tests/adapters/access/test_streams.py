"""Streams are admitted like calls, and end when whoever opened them counts no more."""

import asyncio
from datetime import timedelta

import pytest
from adapters.access.rooms import FIRST_ADMIN, a_closed_room, bearer, key_of
from fakes.access_builders import DAY, T0, a_grant, a_key, shown
from fakes.api_keys import FakeApiKeys

from pager_domain.access.principal import Principal, Role, Verb
from pager_domain.access.rules import Rule
from pager_domain.errors import Unauthenticated
from pager_grpc.access.callers import Callers, Tokens
from pager_grpc.access.known_keys import KnownKeys
from pager_grpc.access.layer import AccessLayer
from pager_grpc.access.principal import current_principal
from pager_grpc.access.table import Row
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc

SOON = 0.01
KEY = a_key("watcher1", a_grant(Role.ADMIN), expires_at=T0 + DAY)


class FixedClock:
    def __init__(self) -> None:
        self.moment = T0

    def now(self):
        return self.moment


class Showing:
    """The context of a call that shows this."""

    def __init__(self, credential) -> None:
        self.metadata = bearer(credential)

    def invocation_metadata(self):
        return self.metadata


class ShortTokens(Tokens):
    """Every token is of ana, for a minute."""

    async def principal_of(self, token):
        return Principal("jwt:ana", Role.ADMIN, expires_at=T0 + timedelta(minutes=1))


class Watching:
    """A stream that says who watches and then waits; ``left`` once its generator was left."""

    def __init__(self) -> None:
        self.left = asyncio.Event()

    async def __call__(self, request, context):
        try:
            yield current_principal().name
            await asyncio.Event().wait()
        finally:
            self.left.set()


@pytest.fixture
def world():
    """Keys, a clock, the stream and the same stream behind the layer."""
    keys, clock, watching = FakeApiKeys(KEY), FixedClock(), Watching()
    # Every look is a look: the clock of what is known runs a minute a step.
    steps = iter(range(0, 10**9, 60))
    callers = Callers(KnownKeys(keys, {}, lambda: next(steps)), clock, ShortTokens(), None)
    rule = Row(Rule(Verb.READ, frozenset({Role.ADMIN})))
    return keys, clock, watching, AccessLayer(callers, {"/watch": rule}, SOON).stream("/watch", watching)


async def test_a_watch_ends_soon_after_its_key_was_revoked(world):
    keys, _, watching, watch = world
    responses = watch(pb.WatchIncidentsRequest(), Showing(shown("watcher1")))
    assert await anext(responses) == "key:watcher1"
    await keys.revoke(KEY.key_id, T0)
    with pytest.raises(Unauthenticated) as refusal:
        await asyncio.wait_for(anext(responses), 20)
    assert refusal.value.fault == "revoked"
    assert watching.left.is_set()


@pytest.mark.parametrize("credential", [shown("watcher1"), "a token"])
async def test_a_watch_ends_when_its_key_or_token_expires(world, credential):
    _, clock, watching, watch = world
    responses = watch(pb.WatchIncidentsRequest(), Showing(credential))
    await anext(responses)
    clock.moment = T0 + DAY
    with pytest.raises(Unauthenticated) as refusal:
        await asyncio.wait_for(anext(responses), 20)
    assert refusal.value.fault == "expired"
    assert watching.left.is_set()


async def test_a_watch_goes_on_while_its_key_counts(world):
    keys, _, watching, watch = world
    responses = watch(pb.WatchIncidentsRequest(), Showing(shown("watcher1")))
    await anext(responses)
    waiting = asyncio.ensure_future(anext(responses))
    async with asyncio.timeout(20):
        while len(keys.finds) < 4:
            await asyncio.wait([waiting], timeout=SOON)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.wait([waiting])
    assert watching.left.is_set()


async def test_a_watcher_sees_the_events_of_its_own_services_only(tmp_path):
    async with a_closed_room("pager", tmp_path) as pager:
        stub = pb_grpc.PagerServiceStub(pager.channel)
        watch = stub.WatchIncidents(pb.WatchIncidentsRequest(), metadata=bearer(key_of("responder")), timeout=20)
        first = await watch.read()
        for service in ("billing", "checkout", "billing", "checkout"):
            request = pb.RaiseAlertRequest(monitored_service_id=service, message="x")
            await stub.RaiseAlert(request, metadata=bearer(FIRST_ADMIN), timeout=20)
        seen = [(await watch.read()).incident_event.monitored_service_id for _ in range(2)]
        assert not first.incident_event.monitored_service_id
        assert seen == ["checkout", "checkout"]
        watch.cancel()


async def test_a_stream_of_alerts_is_refused_to_whoever_may_not_raise(tmp_path):
    async with a_closed_room("pager", tmp_path) as pager:
        refused = await pager.call("/pager.v1.PagerService/RaiseAlerts", {}, key=key_of("notifier"))
        assert refused.code == "PERMISSION_DENIED"
