import asyncio

import pytest
from builders import HandClock
from fakes.notifier_delivery_ledger import FakeDeliveryLedger
from fakes.notifier_email_sender import FakeEmailSender
from fakes.notifier_sms_sender import FakeSmsSender

from pager_domain.notifier.application import NotifierApplicationService
from pager_domain.notifier.model import DeliveryState
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.notifier.attempts import RunningAttempts
from pager_grpc.notifier.servicer import NotifierServicer


class SlowLedger(FakeDeliveryLedger):
    """Stores the first change when ``gate`` opens."""

    def __init__(self) -> None:
        super().__init__(HandClock())
        self.asked, self.gate = asyncio.Event(), asyncio.Event()

    async def change(self, delivery_id, rule):
        self.asked.set()
        await self.gate.wait()
        return await super().change(delivery_id, rule)


class Call:
    """A call whose caller had five seconds left when it arrived."""

    def time_remaining(self) -> float:
        return 5.0


EMAIL = pb.SendEmailRequest(email_address="ana@example.com", subject="s", text_body="b", request_id="page-1")
SMS = pb.SendSmsRequest(phone_number="+4915112345678", text="b", request_id="page-1")


@pytest.mark.parametrize(("method", "request_"), [("SendEmail", EMAIL), ("SendSms", SMS)])
async def test_for_a_caller_that_has_gone_no_provider_is_called(method, request_):
    ledger, email, sms, attempts = SlowLedger(), FakeEmailSender(), FakeSmsSender(), RunningAttempts()
    servicer = NotifierServicer(NotifierApplicationService(ledger, email, sms), attempts)
    call = asyncio.create_task(getattr(servicer, method)(request_, Call()))
    await ledger.asked.wait()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    ledger.gate.set()
    await attempts.finish(within_seconds=30)
    assert email.handed_over == sms.handed_over == []
    delivery = await ledger.find("page-1")
    assert delivery is not None
    assert delivery.state is DeliveryState.DEFERRED
    assert (await getattr(servicer, method)(request_, Call())).delivery.state == pb.Delivery.STATE_ACCEPTED


async def test_for_a_stream_that_has_gone_no_provider_is_called():
    ledger, email, sms, attempts = SlowLedger(), FakeEmailSender(), FakeSmsSender(), RunningAttempts()
    servicer = NotifierServicer(NotifierApplicationService(ledger, email, sms), attempts)
    asked = pb.SendMessagesRequest(messages=[pb.SendMessagesRequest.Message(email=EMAIL)])

    async def requests():
        yield asked
        await asyncio.Event().wait()

    stream = asyncio.ensure_future(anext(servicer.SendMessages(requests(), Call())))
    await ledger.asked.wait()
    stream.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stream
    ledger.gate.set()
    await attempts.finish(within_seconds=30)
    assert email.handed_over == []
    assert (await ledger.find("page-1")).state is DeliveryState.DEFERRED
