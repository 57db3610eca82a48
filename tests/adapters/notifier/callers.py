"""Who calls a notifier over a real channel, and what they say."""

import grpc
import pytest
from fakes.notifier_email_sender import FakeEmailSender
from fakes.notifier_sms_sender import FakeSmsSender

from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.errors import fault_of


class Caller:
    """A notifier on fake providers, and a channel to it."""

    def __init__(self) -> None:
        self.mail, self.gateway = FakeEmailSender(), FakeSmsSender()
        self.channel: grpc.aio.Channel
        self.stub: pb_grpc.NotifierServiceAsyncStub

    def connect(self, port: int) -> grpc.aio.Channel:
        self.channel = open_channel(f"127.0.0.1:{port}")
        self.stub = pb_grpc.NotifierServiceStub(self.channel)
        return self.channel

    async def email(self, **changes) -> pb.Delivery:
        response = await self.stub.SendEmail(email_request(**changes), timeout=5)
        return response.delivery

    async def refused(self, call):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await call
        return fault_of(refused.value)


def email_request(**changes) -> pb.SendEmailRequest:
    usual = {
        "email_address": "ana@example.com",
        "subject": "checkout is down",
        "text_body": "Please look.",
        "request_id": "page-1",
    }
    return pb.SendEmailRequest(**usual | changes)


def sms_request(**changes) -> pb.SendSmsRequest:
    usual = {"phone_number": "+4915112345678", "text": "checkout is down", "request_id": "page-2"}
    return pb.SendSmsRequest(**usual | changes)


def settings(tmp_path, **changes) -> NotifierSettings:
    given = {"NOTIFIER_LISTEN": "127.0.0.1:0", "PAGERD_DATA": tmp_path} | changes
    return NotifierSettings(_env_file=None, **given)
