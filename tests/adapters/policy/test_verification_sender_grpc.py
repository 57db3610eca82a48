"""What the notifier answers, and what becomes of a code then."""

from contextlib import asynccontextmanager

import grpc
import pytest
from cli.conftest import serving
from cli.scripted_servers import Refusal

from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.policy.ports.verification_sender import SendOutcome
from pager_domain.policy.verification import VerificationMessage
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1.notifier_service_pb2_grpc import (
    NotifierServiceServicer,
    add_NotifierServiceServicer_to_server,
)
from pager_grpc.policy.verification_sender_grpc import GrpcVerificationSender
from pager_grpc.runtime.channels import open_channel

MESSAGE = VerificationMessage("Confirm", "123456 is the code.")
ANA = EmailAddress("ana@example.com")


class Notifier(NotifierServiceServicer):
    """Gives its ``answers`` in order, then takes everything."""

    def __init__(self, *answers):
        self.answers, self.requests = list(answers), []

    async def SendEmail(self, request, context):  # noqa: N802 - the proto's name
        await self._answer(request, context)
        return pb.SendEmailResponse(delivery=pb.Delivery(delivery_id=request.request_id))

    async def SendSms(self, request, context):  # noqa: N802 - the proto's name
        await self._answer(request, context)
        return pb.SendSmsResponse(delivery=pb.Delivery(delivery_id=request.request_id))

    async def _answer(self, request, context):
        self.requests.append(request)
        if self.answers:
            await self.answers.pop(0).abort(context)


@asynccontextmanager
async def sender_to(notifier):
    async with serving(add_NotifierServiceServicer_to_server, notifier) as target, open_channel(target) as channel:
        yield GrpcVerificationSender(channel)


def said(code, reason=""):
    return Refusal(grpc.StatusCode[code], f"ERROR_REASON_{reason}" if reason else "")


async def test_a_code_goes_out_under_its_id():
    notifier = Notifier()
    async with sender_to(notifier) as sender:
        assert await sender.send(ANA, MESSAGE, "v-1") is SendOutcome.SENT
        assert await sender.send(PhoneNumber("+4915112345678"), MESSAGE, "v-2") is SendOutcome.SENT
    assert notifier.requests == [
        pb.SendEmailRequest(email_address=ANA.value, subject=MESSAGE.subject, text_body=MESSAGE.text, request_id="v-1"),
        pb.SendSmsRequest(phone_number="+4915112345678", text=MESSAGE.text, request_id="v-2"),
    ]


@pytest.mark.parametrize(
    ("answer", "outcome"),
    [
        (said("FAILED_PRECONDITION", "MESSAGE_REFUSED"), SendOutcome.REFUSED),
        (said("INVALID_ARGUMENT", "INVALID_FIELD"), SendOutcome.REFUSED),
        (said("FAILED_PRECONDITION", "REQUEST_ID_REUSED"), SendOutcome.NOT_SENT),
        (said("FAILED_PRECONDITION", "DELIVERY_FATE_UNKNOWN"), SendOutcome.NOT_SENT),
        (said("UNAVAILABLE", "PROVIDER_DEFERRED"), SendOutcome.NOT_SENT),
        (said("UNAVAILABLE", "DELIVERY_IN_DOUBT"), SendOutcome.NOT_SENT),
        (said("UNAVAILABLE", "STORE_UNAVAILABLE"), SendOutcome.NOT_SENT),
        (said("INTERNAL"), SendOutcome.NOT_SENT),
    ],
)
async def test_what_the_notifier_says_is_told_and_not_asked_again(answer, outcome):
    notifier = Notifier(answer)
    async with sender_to(notifier) as sender:
        assert await sender.send(ANA, MESSAGE, "v-1") is outcome
    assert len(notifier.requests) == 1


async def test_when_the_connection_is_lost_the_same_is_sent_once_more():
    notifier = Notifier(said("UNAVAILABLE"))
    async with sender_to(notifier) as sender:
        assert await sender.send(ANA, MESSAGE, "v-1") is SendOutcome.SENT
    first, second = notifier.requests
    assert first == second


async def test_the_third_time_is_left_to_whoever_asked():
    notifier = Notifier(said("UNAVAILABLE"), said("UNAVAILABLE"))
    async with sender_to(notifier) as sender:
        assert await sender.send(ANA, MESSAGE, "v-1") is SendOutcome.NOT_SENT
    assert len(notifier.requests) == 2
