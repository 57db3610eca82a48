"""What Prometheus reads of a running notifier."""

import grpc
import pytest
from adapters.scraping import scraping, series
from fakes.notifier_email_sender import FakeEmailSender

from pager_domain.notifier.model import Refused
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as pb_grpc
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.metrics import Metrics


async def test_calls_are_counted_by_method_and_code(tmp_path):
    settings = NotifierSettings(
        NOTIFIER_LISTEN="127.0.0.1:0", NOTIFIER_METRICS_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path
    )
    metrics = Metrics()
    async with (
        running_notifier(settings, metrics=metrics) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
        scraping(metrics) as scraper,
    ):
        stub = pb_grpc.NotifierServiceStub(channel)
        page = {"subject": "checkout is down", "text_body": "Please look.", "request_id": "page-1"}
        await stub.SendEmail(pb.SendEmailRequest(email_address="ana@example.com", **page))
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.SendEmail(pb.SendEmailRequest(email_address="nobody", **page))
        ended = [
            series("rpc_requests_total", method="notifier.v1.NotifierService/SendEmail", code=code)
            for code in ("OK", "INVALID_ARGUMENT")
        ]
        found = await scraper.until(lambda values: values.keys() >= set(ended))
    assert [found[key] for key in ended] == [1, 1]


async def test_calls_of_providers_are_counted_by_channel_provider_and_outcome(tmp_path):
    settings = NotifierSettings(
        NOTIFIER_LISTEN="127.0.0.1:0", NOTIFIER_METRICS_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path
    )
    metrics = Metrics()
    async with (
        running_notifier(settings, email_sender=FakeEmailSender(Refused("no such mailbox")), metrics=metrics) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
        scraping(metrics) as scraper,
    ):
        stub = pb_grpc.NotifierServiceStub(channel)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.SendEmail(
                pb.SendEmailRequest(
                    email_address="ana@example.com", subject="down", text_body="Please look.", request_id="page-1"
                )
            )
        await stub.SendSms(pb.SendSmsRequest(phone_number="+15005550001", text="down", request_id="page-2"))
        found = await scraper.values()
    counted = {
        (labels["channel"], labels["provider"], labels["outcome"]): value
        for (name, *pairs), value in found.items()
        if name == "notifier_provider_calls_total" and value and (labels := dict(pairs))
    }
    assert counted == {("email", "fake-email", "refused"): 1, ("sms", "mailbox", "accepted"): 1}
    assert found[series("notifier_provider_call_seconds_count", channel="sms", provider="mailbox")] == 1
    assert found[series("group_commit_batch_items_sum", lane="ledger")] == 4
