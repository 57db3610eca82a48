"""The services among themselves, where nobody's certificate says who it is."""

import asyncio
from contextlib import AsyncExitStack

import grpc
import pytest
from adapters.access.rooms import FIRST_ADMIN, Refused, a_closed_room, bearer

from pager_domain.access.keys import presented_key
from pager_grpc.access.service_secret import service_key, service_keys
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1 import pager_service_pb2_grpc as pb_grpc
from pager_grpc.runtime.channels import open_channel

SECRET = b"a secret of thirty-two bytes, at least"
RESOLVE = "/policy.v1.PolicyService/ResolveEscalation"


def test_a_service_is_known_by_the_secret_and_by_no_other():
    known = service_keys(SECRET)["pager"]
    assert known.principal().name == "service:pager"
    assert known.is_shown_by(presented_key(service_key(SECRET, "pager")))
    assert not known.is_shown_by(presented_key(service_key(SECRET, "policy")))
    assert not known.is_shown_by(presented_key(service_key(SECRET + b"!", "pager")))


async def test_a_page_goes_out_through_three_closed_rooms(tmp_path):
    async with AsyncExitStack() as stack:
        notifier = await stack.enter_async_context(a_closed_room("notifier", tmp_path))
        policy = await stack.enter_async_context(a_closed_room("policy", tmp_path))
        targets = {"PAGER_POLICY_TARGET": policy.target, "PAGER_NOTIFIER_TARGET": notifier.target}
        pager = await stack.enter_async_context(a_closed_room("pager", tmp_path, **targets))
        target = {"target_id": "ana", "email": {"email_address": "ana@example.com"}}
        policies = {"policy_id": "p", "monitored_service_ids": ["checkout"], "levels": [{"targets": [target]}]}
        created = await policy.call(
            "/policy.v1.PolicyService/CreateEscalationPolicy", {"escalation_policy": policies}, key=FIRST_ADMIN
        )
        assert not isinstance(created, Refused), created
        stub = pb_grpc.PagerServiceStub(pager.channel)
        watch = stub.WatchIncidents(pb.WatchIncidentsRequest(), metadata=bearer(FIRST_ADMIN), timeout=20)
        await watch.read()
        alert = pb.RaiseAlertRequest(monitored_service_id="checkout", message="down")
        await stub.RaiseAlert(alert, metadata=bearer(FIRST_ADMIN), timeout=20)
        async with asyncio.timeout(20):
            while not (await watch.read()).incident_event.HasField("notification_settled"):
                pass
        watch.cancel()
        assert [message.address.value for message in notifier.mail.taken] == ["ana@example.com"]


async def test_a_key_goes_with_unary_calls_and_with_streams(tmp_path):
    async with a_closed_room("pager", tmp_path) as pager:
        async with open_channel(pager.target, key=FIRST_ADMIN) as channel:
            stub = pb_grpc.PagerServiceStub(channel)
            alert = pb.RaiseAlertRequest(monitored_service_id="checkout", message="down")
            assert (await stub.RaiseAlert(alert, timeout=20)).opened
            answers = stub.RaiseAlerts(iter([pb.RaiseAlertsRequest(alerts=[alert])]), timeout=20)
            assert (await answers.read()).results[0].alert_count == 2
        async with open_channel(pager.target) as channel:
            with pytest.raises(grpc.aio.AioRpcError, match="credential is required"):
                await pb_grpc.PagerServiceStub(channel).RaiseAlert(alert, timeout=20)
