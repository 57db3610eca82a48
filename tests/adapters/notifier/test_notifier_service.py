"""The room as a whole, over a real channel."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import grpc
import pytest
from adapters.notifier.callers import Caller, email_request, settings, sms_request
from adapters.notifier.mail_servers import MailServer
from adapters.notifier.sms_gateway import SmsGateway
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from pager_domain.notifier.messages import POSSIBLE_DUPLICATE_LINE
from pager_domain.notifier.model import Deferred, InDoubt, Refused
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.notifier.bootstrap import running_notifier

SERVICE = "notifier.v1.NotifierService"


async def test_ok_means_that_a_provider_took_it(caller):
    delivery = await caller.email()
    assert (delivery.delivery_id, delivery.channel, delivery.state) == (
        "page-1",
        pb.Delivery.CHANNEL_EMAIL,
        pb.Delivery.STATE_ACCEPTED,
    )
    assert (delivery.provider, delivery.provider_message_id) == ("fake-email", "fake-1")
    assert (delivery.recipient_hint, delivery.attempt_count, delivery.doubt_count) == ("…@example.com", 1, 0)
    assert abs(delivery.create_time.ToDatetime(UTC) - datetime.now(UTC)) < timedelta(minutes=1)
    assert [message.address.value for message in caller.mail.taken] == ["ana@example.com"]


async def test_a_text_message_is_taken_by_the_gateway(caller):
    delivery = (await caller.stub.SendSms(sms_request(), timeout=5)).delivery
    assert (delivery.channel, delivery.recipient_hint) == (pb.Delivery.CHANNEL_SMS, "…78")
    assert [message.text for message in caller.gateway.taken] == ["checkout is down"]


async def test_a_repeat_is_answered_from_the_ledger_and_pages_nobody(caller):
    first = await caller.email()
    assert await caller.email(fencing_token=1) == first
    assert len(caller.mail.handed_over) == 1


async def test_a_refused_page_is_refused_with_what_the_provider_said(caller):
    caller.mail.answers = [Refused("550 no such user")]
    fault = await caller.refused(caller.email())
    assert (fault.code, fault.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_MESSAGE_REFUSED")
    assert fault.metadata == {
        "delivery_id": "page-1",
        "provider": "fake-email",
        "provider_answer": "550 no such user",
    }


async def test_a_deferred_page_says_when_to_repeat(caller):
    caller.mail.answers = [Deferred(timedelta(seconds=17), "451 busy")]
    fault = await caller.refused(caller.email())
    assert (fault.code, fault.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_PROVIDER_DEFERRED")
    assert fault.retry_after == timedelta(seconds=17)
    assert (await caller.email()).attempt_count == 2


async def test_a_page_in_doubt_is_repeated_marked_until_its_fate_stays_unknown(caller):
    caller.mail.answers = [InDoubt("timeout")] * 3
    faults = [await caller.refused(caller.email()) for _ in range(4)]
    assert [fault.reason.removeprefix("ERROR_REASON_DELIVERY_") for fault in faults] == [
        "IN_DOUBT",
        "IN_DOUBT",
        "FATE_UNKNOWN",
        "FATE_UNKNOWN",
    ]
    assert faults[0].retry_after is not None
    assert faults[3].code is grpc.StatusCode.FAILED_PRECONDITION
    marked = [message.text_body.startswith(POSSIBLE_DUPLICATE_LINE) for message in caller.mail.handed_over]
    assert marked == [False, True, True]


async def test_a_request_id_belongs_to_one_content(caller):
    await caller.email()
    fault = await caller.refused(caller.email(text_body="something else"))
    assert (fault.code, fault.reason) == (grpc.StatusCode.FAILED_PRECONDITION, "ERROR_REASON_REQUEST_ID_REUSED")


async def test_an_older_attempt_of_the_caller_is_refused(caller):
    await caller.email(fencing_token=2)
    fault = await caller.refused(caller.email(fencing_token=1))
    assert (fault.code, fault.reason) == (grpc.StatusCode.ABORTED, "ERROR_REASON_FENCING_TOKEN_STALE")


async def test_an_attempt_under_way_is_not_joined_by_another(caller):
    caller.mail.gate.clear()
    first = asyncio.ensure_future(caller.email())
    await caller.mail.called.wait()
    fault = await caller.refused(caller.email())
    caller.mail.gate.set()
    await first
    assert (fault.code, fault.reason) == (grpc.StatusCode.ABORTED, "ERROR_REASON_DELIVERY_IN_PROGRESS")
    assert timedelta() < fault.retry_after <= timedelta(seconds=10)


async def test_a_client_that_hangs_up_leaves_a_recorded_answer(caller):
    caller.mail.gate.clear()
    call = caller.stub.SendEmail(email_request(), timeout=5)
    await caller.mail.called.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    caller.mail.gate.set()
    async with asyncio.timeout(5):
        while (await caller.stub.GetDelivery(pb.GetDeliveryRequest(delivery_id="page-1"))).delivery.state == (
            pb.Delivery.STATE_SENDING
        ):
            pass
    assert (await caller.email()).state == pb.Delivery.STATE_ACCEPTED
    assert len(caller.mail.handed_over) == 1


async def test_the_providers_time_ends_before_the_callers(caller):
    await caller.stub.SendEmail(email_request(), timeout=2)
    await caller.stub.SendEmail(email_request(request_id="page-2"))
    bounded, unbounded = caller.mail.budgets
    assert timedelta(seconds=1) < bounded < timedelta(seconds=2)
    assert unbounded == timedelta(seconds=4)


@pytest.mark.parametrize(
    ("method", "request_", "field", "limit"),
    [
        ("SendEmail", email_request(email_address="ana"), "email_address", "at most 254 bytes"),
        ("SendEmail", email_request(subject=""), "subject", "is required"),
        ("SendEmail", email_request(subject="x" * 1025), "subject", "1024 bytes"),
        ("SendEmail", email_request(text_body="x" * 32769), "text_body", "32768 bytes"),
        ("SendEmail", email_request(request_id=""), "request_id", "is required"),
        ("SendEmail", email_request(fencing_token=-1), "fencing_token", "at least 0"),
        ("SendSms", sms_request(phone_number="0151"), "phone_number", "E.164"),
        ("SendSms", sms_request(text="x" * 1601), "text", "1600 characters"),
        ("SendSms", sms_request(request_id="x" * 256), "request_id", "255 bytes"),
        ("GetDelivery", pb.GetDeliveryRequest(), "delivery_id", "is required"),
        ("ListDeliveries", pb.ListDeliveriesRequest(page_size=1001), "page_size", "0 to 1000"),
        ("ListDeliveries", pb.ListDeliveriesRequest(page_size=-1), "page_size", "0 to 1000"),
        ("ListDeliveries", pb.ListDeliveriesRequest(page_token="?"), "page_token", "earlier answer"),
        (
            "ListDeliveries",
            pb.ListDeliveriesRequest(page_token="Wzk5OTk5OTk5OTk5OTk5OTk5OTk5LCAiYSJd"),
            "page_token",
            "",
        ),
        ("ListDeliveries", pb.ListDeliveriesRequest(page_token="WzEsICJcdWQ4MDAiXQ"), "page_token", ""),
        ("ListDeliveries", pb.ListDeliveriesRequest(states=[0]), "states", "STATE_UNSPECIFIED"),
        ("ListDeliveries", pb.ListDeliveriesRequest(states=[99]), "states", "this server knows"),
    ],
)
async def test_a_malformed_request_names_the_field_and_its_limit(caller, method, request_, field, limit):
    fault = await caller.refused(getattr(caller.stub, method)(request_, timeout=5))
    assert (fault.code, fault.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD")
    assert fault.metadata["field"] == field
    assert limit in fault.metadata["limit"]
    assert caller.mail.handed_over == caller.gateway.handed_over == []


async def test_the_ledger_is_shown_from_the_newest_page_by_page(caller):
    for number in range(5):
        await caller.email(request_id=f"page-{number}")
    seen, token = [], ""
    while True:
        page = await caller.stub.ListDeliveries(pb.ListDeliveriesRequest(page_size=2, page_token=token))
        seen += [delivery.delivery_id for delivery in page.deliveries]
        if not (token := page.next_page_token):
            break
    assert seen == ["page-4", "page-3", "page-2", "page-1", "page-0"]


async def test_the_ledger_is_filtered_by_state(caller):
    caller.mail.answers = [Refused("no")]
    await caller.refused(caller.email(request_id="refused"))
    await caller.email(request_id="accepted")
    page = await caller.stub.ListDeliveries(pb.ListDeliveriesRequest(states=[pb.Delivery.STATE_REFUSED]))
    assert [(delivery.delivery_id, delivery.provider_answer) for delivery in page.deliveries] == [("refused", "no")]


async def test_a_delivery_nobody_asked_for_is_not_found(caller):
    fault = await caller.refused(caller.stub.GetDelivery(pb.GetDeliveryRequest(delivery_id="nope")))
    assert (fault.code, fault.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_DELIVERY_UNKNOWN")
    assert fault.metadata == {"delivery_id": "nope"}


async def test_a_fault_of_ours_is_hidden_and_recorded_as_a_doubt(caller):
    caller.mail.answers = [ZeroDivisionError("secret detail")]
    fault = await caller.refused(caller.email())
    assert fault.code is grpc.StatusCode.INTERNAL
    assert "secret" not in fault.message
    assert (await caller.email()).doubt_count == 1


async def test_the_room_is_healthy(caller):
    stub = health_pb2_grpc.HealthStub(caller.channel)
    async with asyncio.timeout(5):
        async for answer in stub.Watch(health_pb2.HealthCheckRequest(service=SERVICE)):
            if answer.status == health_pb2.HealthCheckResponse.SERVING:
                break


async def test_reflection_lists_the_service(caller):
    stub = reflection_pb2_grpc.ServerReflectionStub(caller.channel)
    asked = reflection_pb2.ServerReflectionRequest(list_services="*")
    answer = await stub.ServerReflectionInfo(iter([asked])).read()
    assert SERVICE in [service.name for service in answer.list_services_response.service]


async def test_a_room_without_providers_writes_into_the_mailbox(tmp_path):
    calling = Caller()
    async with running_notifier(settings(tmp_path)) as port, calling.connect(port):
        assert (await calling.email()).provider == "mailbox"
        await calling.stub.SendSms(sms_request())
    assert sorted(path.name for path in (tmp_path / "mailbox").iterdir()) == ["page-1.eml", "page-2.json"]


def providers(mail: MailServer, gateway: SmsGateway) -> dict[str, str]:
    return {
        "NOTIFIER_SMTP_URL": f"smtp://127.0.0.1:{mail.port}",
        "NOTIFIER_EMAIL_FROM": "pager@example.com",
        "NOTIFIER_SMS_URL": gateway.url,
        "NOTIFIER_SMS_ACCOUNT": "AC1",
        "NOTIFIER_SMS_TOKEN": "t0ken",
        "NOTIFIER_SMS_FROM": "+15550001111",
    }


async def test_a_room_with_providers_uses_them(tmp_path):
    calling = Caller()
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(MailServer().running())
        gateway = await stack.enter_async_context(SmsGateway().running())
        port = await stack.enter_async_context(running_notifier(settings(tmp_path, **providers(mail, gateway))))
        await stack.enter_async_context(calling.connect(port))
        assert (await calling.email()).provider == "smtp"
        assert (await calling.stub.SendSms(sms_request())).delivery.provider == "sms-gateway"
        assert len(mail.messages) == len(gateway.requests) == 1
    assert not (tmp_path / "mailbox").exists()


@pytest.mark.parametrize("slow", ["email", "sms"])
async def test_a_slow_provider_holds_up_no_page_of_the_other(tmp_path, slow):
    calling = Caller()
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(MailServer().running())
        gateway = await stack.enter_async_context(SmsGateway().running())
        bounds = {"NOTIFIER_SMTP_SESSIONS": 2, "NOTIFIER_SMS_CONNECTIONS": 2}
        port = await stack.enter_async_context(
            running_notifier(settings(tmp_path, **providers(mail, gateway), **bounds))
        )
        await stack.enter_async_context(calling.connect(port))
        hesitating = mail if slow == "email" else gateway
        hesitating.gate.clear()
        calls = {
            "email": lambda page: calling.stub.SendEmail(email_request(request_id=page), timeout=30),
            "sms": lambda page: calling.stub.SendSms(sms_request(request_id=page), timeout=30),
        }
        slow_call = calls.pop(slow)
        held_up = [asyncio.ensure_future(slow_call(f"slow-{number}")) for number in range(10)]
        await hesitating.called.wait()
        ((_, quick),) = calls.items()
        for number in range(10):
            assert (await quick(f"quick-{number}")).delivery.state == pb.Delivery.STATE_ACCEPTED
        assert not any(call.done() for call in held_up)
        hesitating.gate.set()
        await asyncio.gather(*held_up)


async def test_a_room_that_is_left_finishes_and_records_what_it_began(tmp_path):
    calling = Caller()
    async with AsyncExitStack() as stack:
        room = running_notifier(settings(tmp_path), email_sender=calling.mail)
        calling.mail.gate.clear()
        async with room as port:
            await stack.enter_async_context(calling.connect(port))
            answer = asyncio.ensure_future(calling.email())
            await calling.mail.called.wait()
            asyncio.get_running_loop().call_later(0.1, calling.mail.gate.set)
        assert (await answer).state == pb.Delivery.STATE_ACCEPTED
