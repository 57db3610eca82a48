"""Admission at a real server: what finds no place is refused before it is begun, and what is vital always passes."""

import asyncio
import importlib
import pkgutil
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import pytest
from prometheus_client import CollectorRegistry

from pager_domain.errors import Overloaded
from pager_grpc import gen
from pager_grpc.gen.pager.v1 import pager_service_pb2
from pager_grpc.notifier import lanes as notifier
from pager_grpc.pager import lanes as pager
from pager_grpc.policy import lanes as policy
from pager_grpc.runtime.admission import Admission
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.lanes import Lane
from pager_grpc.runtime.server import Server

ERRORS = {Overloaded: (grpc.StatusCode.RESOURCE_EXHAUSTED, "ERROR_REASON_OVERLOADED")}
ROOMS = {"pager": pager.LANES, "notifier": notifier.LANES, "policy": policy.LANES}


def methods_of(room) -> set[str]:
    """Every method of the contracts that ``room`` serves: its own, and those that are of no room."""
    found = set()
    for contract in pkgutil.walk_packages(gen.__path__, "pager_grpc.gen."):
        owner = contract.name.split(".")[2]
        if contract.name.endswith("_service_pb2") and owner not in ROOMS.keys() - {room}:
            services = importlib.import_module(contract.name).DESCRIPTOR.services_by_name.values()
            found |= {f"/{service.full_name}/{method.name}" for service in services for method in service.methods}
    return found


@pytest.mark.parametrize("room", ROOMS)
def test_every_method_that_a_room_serves_has_a_lane_and_no_lane_is_of_a_method_that_is_gone(room):
    assert set(ROOMS[room]) == methods_of(room)


def test_what_a_person_who_was_paged_says_and_what_a_page_waits_for_is_vital():
    vital = {
        method.rpartition("/")[2] for lanes in ROOMS.values() for method, lane in lanes.items() if lane is Lane.VITAL
    }
    assert vital == {
        *("Acknowledge", "MarkHealthy", "SnoozeIncident", "EscalateIncident", "ReassignIncident"),
        *("ResolveEscalation", "BatchResolveEscalations", "SendEmail", "SendSms", "SendMessages"),
    }


def test_an_alert_of_low_severity_gives_way_and_one_of_unknown_severity_does_not():
    lane_of = pager.LANES["/pager.v1.PagerService/RaiseAlert"]
    severities = {"INFO": Lane.RAISE_LOW, "WARNING": Lane.RAISE_LOW, "ERROR": Lane.RAISE, "CRITICAL": Lane.RAISE}
    for name, lane in severities.items():
        severity = pager_service_pb2.Incident.Severity.Value(f"SEVERITY_{name}")
        assert lane_of(pager_service_pb2.RaiseAlertRequest(severity=severity)) is lane
    assert lane_of(pager_service_pb2.RaiseAlertRequest(severity=99)) is Lane.RAISE
    assert lane_of(pager_service_pb2.RaiseAlertRequest()) is Lane.RAISE


class Rig:
    """A server whose methods are named like lanes; its calls end when ``gate`` is set."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.news = asyncio.Event()
        self.gate = asyncio.Event()
        self.registry = CollectorRegistry()

    def handler(self, name):
        async def call(request, context):
            self._begin(name)
            await self.gate.wait()
            return b""

        return grpc.unary_unary_rpc_method_handler(call)

    def streaming(self, name):
        async def call(request, context):
            self._begin(name)
            yield b""
            await self.gate.wait()

        return grpc.unary_stream_rpc_method_handler(call)

    def _begin(self, name):
        self.begun.append(name)
        self.news.set()

    async def until_begun(self, calls):
        while len(self.begun) < calls:
            self.news.clear()
            await self.news.wait()

    def refused(self, lane):
        return self.registry.get_sample_value("rpc_refused_in_overload_total", {"lane": lane})


@asynccontextmanager
async def a_server(**places):
    rig = Rig()
    lanes = {f"/t.T/{lane.value}": lane for lane in Lane}
    sizes = {Lane(name): size for name, size in places.items()}
    server = Server("t", ERRORS, layers=[Admission(lanes, sizes, ERRORS, rig.registry, patience=0.01)])
    handlers = {lane.value: rig.handler(lane.value) for lane in Lane if lane is not Lane.WATCH} | {
        "watch": rig.streaming("watch")
    }
    server.grpc.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("t.T", handlers),))
    port = await server.start("127.0.0.1:0")
    try:
        async with open_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(30):
            rig.channel = channel
            yield rig
    finally:
        await server.grpc.stop(0)


def call(rig, lane):
    return asyncio.ensure_future(rig.channel.unary_unary(f"/t.T/{lane}")(b""))


async def fault(refused):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await refused
    return fault_of(error.value)


@pytest.mark.parametrize("over", [1, 100])
async def test_what_finds_no_place_is_refused_with_a_time_to_come_back_and_never_begun(over):
    async with a_server(read=2) as rig:
        inside = [call(rig, "read") for _ in range(2)]
        await rig.until_begun(2)
        refusals = [await fault(call(rig, "read")) for _ in range(over)]
        assert {(refusal.code, refusal.reason) for refusal in refusals} == {ERRORS[Overloaded]}
        assert all(timedelta() < refusal.retry_after <= timedelta(seconds=1.5) for refusal in refusals)
        assert rig.begun == ["read"] * 2
        assert rig.refused("read") == over
        rig.gate.set()
        assert await asyncio.gather(*inside) == [b"", b""]
        assert await call(rig, "read") == b""


async def test_a_full_lane_harms_no_other_and_what_is_vital_passes_in_any_number():
    async with a_server(read=1, raise_low=1) as rig:
        read, low = call(rig, "read"), call(rig, "raise_low")
        await rig.until_begun(2)
        vital = [call(rig, "vital") for _ in range(100)]
        await rig.until_begun(102)
        rig.gate.set()
        assert await asyncio.gather(read, low, *vital) == [b""] * 102
        assert rig.registry.get_sample_value("rpc_refused_in_overload_total", {"lane": "vital"}) is None


async def test_a_stream_keeps_its_place_until_it_ends():
    async with a_server(watch=1) as rig:
        watching = rig.channel.unary_stream("/t.T/watch")(b"")
        assert await watching.read() == b""
        second = rig.channel.unary_stream("/t.T/watch")(b"")
        assert (await fault(second.read())).reason == "ERROR_REASON_OVERLOADED"
        rig.gate.set()
        assert await watching.read() is grpc.aio.EOF
        third = rig.channel.unary_stream("/t.T/watch")(b"")
        assert await third.read() == b""
        third.cancel()


async def test_whatever_is_refused_a_call_that_a_caller_gave_up_gives_its_place_back():
    async with a_server(read=1) as rig:
        given_up = call(rig, "read")
        await rig.until_begun(1)
        given_up.cancel()
        rig.gate.set()
        while (refused_or_not := await asyncio.gather(call(rig, "read"), return_exceptions=True)) != [b""]:
            assert isinstance(refused_or_not[0], grpc.aio.AioRpcError)  # the server has not heard of it yet
