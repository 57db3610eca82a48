"""Many messages on one stream, over a real channel."""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
import pytest
from adapters.notifier.callers import Caller, email_request, settings, sms_request
from fakes.notifier_email_sender import FakeEmailSender
from google.protobuf.duration_pb2 import Duration

from pager_domain.notifier.model import Accepted, Deferred, InDoubt, Refused
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.notifier.attempts import RunningAttempts
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.message_stream import MessageStream

PATIENT_SECONDS = 5.0
A_WEEK = Duration(seconds=7 * 86_400)


def message(request: pb.SendEmailRequest | pb.SendSmsRequest) -> pb.SendMessagesRequest.Message:
    kind = "email" if isinstance(request, pb.SendEmailRequest) else "sms"
    return pb.SendMessagesRequest.Message(**{kind: request})


def emails(*pages: str, **changes) -> pb.SendMessagesRequest:
    return pb.SendMessagesRequest(messages=[message(email_request(request_id=page, **changes)) for page in pages])


async def results_of(caller, *requests):
    """The results by id; the stream is ended after ``requests``."""
    call = caller.stub.SendMessages(iter(requests))
    return {result.request_id: result async for response in call for result in response.results}


class SlowForAna(FakeEmailSender):
    """Hesitates with Ana's e-mails until the gate is opened."""

    async def send_email(self, message, budget):
        if message.address.value == "ana@example.com":
            return await super().send_email(message, budget)
        self.taken.append(message)
        return Accepted("at once")


async def test_each_message_is_told_of_once_a_provider_took_it(caller):
    mixed = pb.SendMessagesRequest(messages=[message(email_request()), message(sms_request())])
    results = await results_of(caller, mixed, emails("page-3", "page-4"))
    assert sorted(results) == ["page-1", "page-2", "page-3", "page-4"]
    assert results["page-2"].delivery.channel == pb.Delivery.CHANNEL_SMS
    assert all(result.delivery.delivery_id == page for page, result in results.items())
    assert all(result.error_reason == pb.ERROR_REASON_UNSPECIFIED for result in results.values())
    assert (len(caller.mail.taken), len(caller.gateway.taken)) == (3, 1)


async def test_a_slow_message_holds_up_no_other(tmp_path):
    calling = Caller()
    calling.mail = SlowForAna()
    calling.mail.gate.clear()
    async with running_notifier(settings(tmp_path), email_sender=calling.mail) as port, calling.connect(port):
        call = calling.stub.SendMessages()
        await call.write(emails("slow"))
        await calling.mail.called.wait()
        await call.write(emails("quick-1", "quick-2", email_address="ben@example.com"))
        seen = []
        while len(seen) < 2:
            seen += [result.request_id for result in (await call.read()).results]
        assert sorted(seen) == ["quick-1", "quick-2"]
        calling.mail.gate.set()
        assert [result.request_id for result in (await call.read()).results] == ["slow"]
        await call.done_writing()
        assert await call.read() is grpc.aio.EOF


async def test_a_message_that_nobody_took_says_why_and_the_others_are_sent(caller):
    caller.mail.answers = [Refused("550 no such user"), Deferred(timedelta(seconds=17), "451 busy"), InDoubt("timeout")]
    results = await results_of(caller, emails("refused", "deferred", "doubtful", "taken"))
    by_reason = {result.error_reason: result for result in results.values()}
    refused = by_reason[pb.ERROR_REASON_MESSAGE_REFUSED]
    assert (refused.provider_answer, refused.HasField("retry_after")) == ("550 no such user", False)
    assert refused.error_message.endswith("550 no such user")
    deferred = by_reason[pb.ERROR_REASON_PROVIDER_DEFERRED]
    assert deferred.retry_after.ToTimedelta() == timedelta(seconds=17)
    assert by_reason[pb.ERROR_REASON_DELIVERY_IN_DOUBT].HasField("retry_after")
    assert by_reason[pb.ERROR_REASON_UNSPECIFIED].delivery.state == pb.Delivery.STATE_ACCEPTED
    assert len(results) == 4


async def test_a_malformed_message_names_the_field_and_costs_the_others_nothing(caller):
    request = emails("taken")
    request.messages.append(message(email_request(request_id="bad address", email_address="ana")))
    request.messages.append(message(sms_request(request_id="bad token", fencing_token=-1)))
    results = await results_of(caller, request)
    assert results["taken"].HasField("delivery")
    for page, field in (("bad address", "email_address"), ("bad token", "fencing_token")):
        assert results[page].error_reason == pb.ERROR_REASON_INVALID_FIELD
        assert results[page].error_message.startswith(f"{field}: must be")


async def test_a_repeat_is_answered_from_the_ledger(caller):
    first = await results_of(caller, emails("page-1"))
    assert await results_of(caller, emails("page-1")) == first
    assert (await caller.email()) == first["page-1"].delivery
    assert len(caller.mail.handed_over) == 1


async def test_what_was_first_asked_for_long_ago_and_is_not_known_any_more_goes_marked(caller):
    old, new = email_request(request_id="old", since_first_attempt=A_WEEK), email_request(request_id="new")
    old_text = sms_request(request_id="old text", since_first_attempt=A_WEEK)
    results = await results_of(caller, pb.SendMessagesRequest(messages=[message(m) for m in (old, new, old_text)]))
    assert {page: result.delivery.doubt_count for page, result in results.items()} == {
        "old": 1,
        "new": 0,
        "old text": 1,
    }


async def test_a_fault_of_ours_is_hidden_and_recorded_as_a_doubt(caller):
    caller.mail.answers = [ZeroDivisionError("secret detail")]
    (result,) = (await results_of(caller, emails("page-1"))).values()
    assert result.error_message.startswith("internal error")
    assert not result.HasField("delivery")
    assert (await caller.email()).doubt_count == 1


@pytest.mark.parametrize(
    ("request_", "field", "limit"),
    [
        (pb.SendMessagesRequest(), "messages", "1 to 100"),
        (emails(*(f"page-{number}" for number in range(101))), "messages", "1 to 100"),
        (pb.SendMessagesRequest(messages=[pb.SendMessagesRequest.Message()]), "messages", "an email or an sms"),
        (pb.SendMessagesRequest(timeout=Duration(), messages=emails("p").messages), "timeout", "more than 0 seconds"),
        (
            pb.SendMessagesRequest(timeout=Duration(seconds=86_401), messages=emails("p").messages),
            "timeout",
            "at most 24 hours",
        ),
    ],
)
async def test_a_malformed_request_ends_the_stream_and_nothing_of_it_is_sent(caller, request_, field, limit):
    fault = await caller.refused(results_of(caller, request_))
    assert (fault.code, fault.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD")
    assert fault.metadata["field"] == field
    assert limit in fault.metadata["limit"]
    assert caller.mail.handed_over == []


async def test_the_providers_time_is_that_of_the_request(caller):
    await results_of(caller, pb.SendMessagesRequest(timeout=Duration(seconds=2), messages=emails("page-1").messages))
    await results_of(caller, emails("page-2"))
    bounded, usual = caller.mail.budgets
    assert timedelta(seconds=1) < bounded < timedelta(seconds=2)
    assert usual == timedelta(seconds=4)


async def test_what_cannot_begin_in_time_is_put_off_and_not_sent(caller):
    hurried = pb.SendMessagesRequest(timeout=Duration(nanos=1_000_000), messages=emails("page-1").messages)
    (result,) = (await results_of(caller, hurried)).values()
    assert result.error_reason == pb.ERROR_REASON_PROVIDER_DEFERRED
    assert caller.mail.handed_over == []


async def test_of_a_stream_that_breaks_what_had_begun_is_recorded(caller):
    caller.mail.gate.clear()
    call = caller.stub.SendMessages()
    await call.write(emails("page-1"))
    await caller.mail.called.wait()
    call.cancel()
    caller.mail.gate.set()
    async with asyncio.timeout(PATIENT_SECONDS):
        while (await caller.stub.GetDelivery(pb.GetDeliveryRequest(delivery_id="page-1"))).delivery.state == (
            pb.Delivery.STATE_SENDING
        ):
            pass
    assert (await caller.email()).state == pb.Delivery.STATE_ACCEPTED
    assert len(caller.mail.handed_over) == 1


async def test_a_room_that_is_left_tells_what_it_began_and_then_ends_its_streams(tmp_path):
    calling = Caller()
    async with AsyncExitStack() as stack:
        calling.mail.gate.clear()
        async with running_notifier(settings(tmp_path), email_sender=calling.mail) as port:
            await stack.enter_async_context(calling.connect(port))
            idle, busy = calling.stub.SendMessages(), calling.stub.SendMessages()
            await idle.write(emails("quick", email_address="ben@example.com"))
            await busy.write(emails("page-1"))
            await calling.mail.called.wait()
            asyncio.get_running_loop().call_later(0.1, calling.mail.gate.set)
            begun = asyncio.get_running_loop().time()
        assert asyncio.get_running_loop().time() - begun < PATIENT_SECONDS
        for call, page in ((idle, "quick"), (busy, "page-1")):
            assert [result.request_id for result in (await call.read()).results] == [page]
            fault = await calling.refused(call.read())
            assert (fault.code, fault.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_STORE_UNAVAILABLE")


async def test_a_stream_with_much_under_way_is_read_no_further():
    gate, begun, read = asyncio.Event(), asyncio.Event(), []

    async def attempt():
        await gate.wait()
        raise ZeroDivisionError

    async def requests():
        for number in range(3):
            read.append(number)
            yield emails(f"page-{number}-a", f"page-{number}-b")
            begun.set()

    stream = MessageStream(lambda _message, _remaining: attempt(), RunningAttempts(), most_under_way=4)
    told = asyncio.create_task(_all_results(stream.responses(requests())))
    await begun.wait()
    while len(read) < 2:
        await asyncio.sleep(0)
    assert not told.done()
    assert read == [0, 1]
    gate.set()
    assert len(await told) == 6
    assert read == [0, 1, 2]


async def _all_results(responses):
    return [result async for response in responses for result in response.results]
