"""The senders over a real channel: one stream that concurrent calls share, and what becomes of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import grpc
import pytest
from adapters.pager.scripted_servers import ScriptedNotifier, a_status, serving_notifier
from contracts.notification_senders import ANA, ANA_PHONE, OTHER, PAGE, NotificationSendersContract

from pager_domain.pager.events import NotificationId
from pager_domain.pager.ports.email_sender import FateUnknown, HandedOff, NotNow, Refused
from pager_grpc.gen.notifier.v1 import notifier_service_pb2_grpc as notifier_grpc
from pager_grpc.pager import notification_senders_grpc
from pager_grpc.pager.notification_senders_grpc import GrpcNotificationSenders
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.limits import ServerLimits
from pager_grpc.runtime.server import Server

STATUSES = {
    NotNow: a_status(grpc.StatusCode.UNAVAILABLE, "PROVIDER_DEFERRED"),
    Refused: a_status(grpc.StatusCode.FAILED_PRECONDITION, "MESSAGE_REFUSED"),
    FateUnknown: a_status(grpc.StatusCode.FAILED_PRECONDITION, "DELIVERY_FATE_UNKNOWN"),
}


@asynccontextmanager
async def senders_to(notifier: ScriptedNotifier) -> AsyncIterator[GrpcNotificationSenders]:
    async with (
        serving_notifier(notifier) as port,
        open_channel(f"127.0.0.1:{port}") as channel,
        GrpcNotificationSenders(channel) as senders,
    ):
        yield senders


@pytest.fixture
def notifier():
    return ScriptedNotifier()


@pytest.fixture
async def senders(notifier):
    async with senders_to(notifier) as senders:
        yield senders


class TestGrpcNotificationSenders(NotificationSendersContract):
    @pytest.fixture(params=[True, False], ids=["with streams", "before streams"])
    def notifier(self, request):
        return ScriptedNotifier(knows_streams=request.param)

    @pytest.fixture
    async def senders(self, notifier):
        async with senders_to(notifier) as senders:
            yield senders

    @pytest.fixture
    def say(self, notifier):
        return lambda answer: notifier.refusals.append(STATUSES[answer])

    @pytest.fixture
    def sent(self, notifier):
        return notifier.sent


async def sent_at_once(senders, count: int, body: str = "body"):
    pages = [NotificationId(f"page-{number}") for number in range(count)]
    return await asyncio.gather(*(senders.send_email(ANA, "subject", body, page, 1) for page in pages))


async def test_nobody_at_the_other_end_is_not_now_and_says_that_nobody_was_reached():
    async with open_channel("127.0.0.1:1") as channel, GrpcNotificationSenders(channel) as senders:
        answer = await senders.send_email(ANA, "s", "b", PAGE, 1)
    assert isinstance(answer, NotNow)
    assert not answer.reached


async def test_pages_that_are_sent_at_once_go_together(notifier, senders):
    answers = await sent_at_once(senders, 150)
    assert all(isinstance(answer, HandedOff) for answer in answers)
    assert notifier.streams == 1
    assert [len(request.messages) for request in notifier.requests] == [100, 50]
    assert {request.timeout.seconds for request in notifier.requests} == {5}


async def test_pages_together_stay_below_what_the_notifier_takes(notifier, senders):
    answers = await sent_at_once(senders, 7, body="x" * 32_000)
    assert all(isinstance(answer, HandedOff) for answer in answers)
    assert max(request.ByteSize() for request in notifier.requests) <= 64 * 1024


async def test_a_repeat_says_how_long_ago_it_may_have_been_asked_for_first(notifier, senders):
    a_week = timedelta(days=7)
    await senders.send_email(ANA, "s", "b", PAGE, 2, a_week)
    await senders.send_sms(ANA_PHONE, "text", OTHER, 2, a_week)
    email, sms = [request.messages[0] for request in notifier.requests]
    assert email.email.since_first_attempt.ToTimedelta() == sms.sms.since_first_attempt.ToTimedelta() == a_week


async def test_what_is_sent_while_others_wait_for_their_answer_is_not_held_up(notifier, senders):
    notifier.gate.clear()
    first = asyncio.ensure_future(senders.send_email(ANA, "s", "b", PAGE, 1))
    await notifier.arrived.wait()
    second = asyncio.ensure_future(senders.send_sms(ANA_PHONE, "text", OTHER, 1))
    await asyncio.sleep(0)
    notifier.gate.set()
    assert isinstance(await first, HandedOff)
    assert isinstance(await second, HandedOff)
    assert notifier.streams == 1


async def test_what_waits_on_a_stream_that_breaks_is_not_now_and_the_next_page_opens_another(notifier, senders):
    notifier.gate.clear()
    waiting = asyncio.ensure_future(sent_at_once(senders, 3))
    await notifier.arrived.wait()
    notifier.break_streams()
    answers = await waiting
    assert [type(answer) for answer in answers] == [NotNow] * 3
    assert not any(answer.reached for answer in answers)
    notifier.gate.set()
    assert isinstance(await senders.send_email(ANA, "s", "b", PAGE, 2), HandedOff)
    assert notifier.streams == 2


async def test_a_silent_stream_is_given_up_and_the_next_page_opens_another(notifier, senders, monkeypatch):
    monkeypatch.setattr(notification_senders_grpc, "DEADLINE_SECONDS", 0.3)
    notifier.gate.clear()
    answer = await senders.send_email(ANA, "s", "b", PAGE, 1)
    assert isinstance(answer, NotNow)
    assert answer.reached
    notifier.gate.set()
    monkeypatch.undo()
    assert isinstance(await senders.send_email(ANA, "s", "b", OTHER, 1), HandedOff)
    assert notifier.streams == 2


async def test_each_page_that_a_talking_stream_says_nothing_of_is_given_up_in_its_own_time(
    notifier, senders, monkeypatch
):
    monkeypatch.setattr(notification_senders_grpc, "DEADLINE_SECONDS", 0.3)
    notifier.unanswered = {PAGE, "page-3"}
    first = asyncio.ensure_future(senders.send_email(ANA, "s", "b", PAGE, 1))
    await notifier.arrived.wait()
    assert isinstance(await senders.send_email(ANA, "s", "b", OTHER, 1), HandedOff)
    last = asyncio.ensure_future(senders.send_email(ANA, "s", "b", NotificationId("page-3"), 1))
    answers = await asyncio.wait_for(asyncio.gather(first, last), 5)
    assert {(type(answer), answer.reason, answer.reached) for answer in answers} == {
        (NotNow, "no answer in time", True)
    }
    assert notifier.streams == 1


async def test_after_not_now_the_next_page_goes_over_another_stream(notifier, senders):
    notifier.refusals.append(STATUSES[NotNow])
    assert isinstance(await senders.send_email(ANA, "s", "b", PAGE, 1), NotNow)
    assert isinstance(await senders.send_email(ANA, "s", "b", PAGE, 2), HandedOff)
    assert isinstance(await senders.send_email(ANA, "s", "b", OTHER, 1), HandedOff)
    assert notifier.streams == 2


async def test_one_page_that_is_asked_for_twice_at_once_hears_two_answers(notifier, senders):
    answers = await asyncio.gather(*(senders.send_email(ANA, "s", "b", PAGE, attempt) for attempt in (1, 2)))
    assert all(isinstance(answer, HandedOff) for answer in answers)
    assert notifier.sent["ana@example.com"] == 1


async def test_a_caller_that_goes_away_leaves_nothing_behind(notifier, senders):
    notifier.gate.clear()
    leaving = asyncio.ensure_future(senders.send_email(ANA, "s", "b", PAGE, 1))
    await notifier.arrived.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    notifier.gate.set()
    # The late answer for the first page meets nobody; the second is answered all the same.
    assert isinstance(await senders.send_email(ANA, "s", "b", OTHER, 1), HandedOff)
    assert notifier.streams == 1


async def test_a_caller_that_goes_away_before_its_page_was_written_sends_nothing(notifier, senders):
    leaving = asyncio.ensure_future(senders.send_email(ANA, "s", "b", PAGE, 1))
    await asyncio.sleep(0)
    leaving.cancel()
    assert isinstance(await senders.send_sms(ANA_PHONE, "text", OTHER, 1), HandedOff)
    assert notifier.sent == {"+4915112345678": 1}


async def test_a_notifier_from_before_streams_is_called_page_by_page_and_not_asked_again_at_once():
    notifier = ScriptedNotifier(knows_streams=False)
    async with senders_to(notifier) as senders:
        assert all(isinstance(answer, HandedOff) for answer in await sent_at_once(senders, 20))
        notifier.knows_streams = True
        assert isinstance(await senders.send_sms(ANA_PHONE, "text", OTHER, 1), HandedOff)
    assert notifier.streams == 0


async def test_senders_that_are_closed_end_their_stream_and_whoever_waits_is_told(notifier):
    notifier.gate.clear()
    async with senders_to(notifier) as senders:
        waiting = asyncio.ensure_future(senders.send_email(ANA, "s", "b", PAGE, 1))
        await notifier.arrived.wait()
    assert isinstance(await waiting, NotNow)


async def test_an_answer_that_makes_no_sense_is_not_now(notifier, senders):
    notifier.garbage = True
    assert isinstance(await senders.send_email(ANA, "s", "b", PAGE, 1), NotNow)


async def test_a_stream_gives_way_to_another_before_the_notifier_ends_it(notifier, senders, monkeypatch):
    assert isinstance(await senders.send_email(ANA, "s", "b", PAGE, 1), HandedOff)
    assert isinstance(await senders.send_email(ANA, "s", "b", OTHER, 1), HandedOff)
    assert notifier.streams == 1
    monkeypatch.setattr(notification_senders_grpc, "LONGEST_STREAM_SECONDS", -1)
    assert isinstance(await senders.send_email(ANA, "s", "b", NotificationId("third"), 1), HandedOff)
    assert notifier.streams == 2


async def test_a_page_on_a_connection_that_is_cut_is_owed_and_its_repeat_doubles_nothing(notifier):
    server = Server("test", {}, limits=ServerLimits(connection_age=1, connection_grace=0.1))
    notifier_grpc.add_NotifierServiceServicer_to_server(notifier, server.grpc)
    port = await server.start("127.0.0.1:0")
    async with open_channel(f"127.0.0.1:{port}") as channel, GrpcNotificationSenders(channel) as senders:
        assert isinstance(await senders.send_email(ANA, "s", "b", OTHER, 1), HandedOff)
        notifier.gate.clear()
        cut = await senders.send_email(ANA, "s", "b", PAGE, 1)
        notifier.gate.set()
        again = await senders.send_email(ANA, "s", "b", PAGE, 2)
    await server.grpc.stop(0)
    assert (type(cut), type(again)) == (NotNow, HandedOff)
    assert notifier.streams == 2
    assert notifier.bodies == {OTHER: "b", PAGE: "b"}
    assert notifier.sent == {ANA.value: 2}


async def test_a_notifier_that_is_overloaded_is_there_and_says_when_the_page_is_to_come_again(notifier, senders):
    notifier.refusals.append(a_status(grpc.StatusCode.RESOURCE_EXHAUSTED, "OVERLOADED", retry_seconds=3))
    answer = await senders.send_email(ANA, "s", "b", PAGE, 1)
    assert isinstance(answer, NotNow)
    assert (answer.after, answer.reached) == (timedelta(seconds=3), True)
    assert isinstance(await senders.send_email(ANA, "s", "b", PAGE, 2), HandedOff)
