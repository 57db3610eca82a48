import asyncio
import time
from datetime import timedelta
from email.utils import format_datetime

import pytest
from adapters.notifier.sms_gateway import CUT, SILENCE, SmsGateway, http, problem
from contracts.notifier_sms_sender import SmsSenderContract
from fakes.notifier_builders import ANA_PHONE, BUDGET, NOON, HandClock, an_sms

from pager_domain.notifier.model import Accepted, Deferred, InDoubt, Refused
from pager_grpc.notifier.sms_http import RETRY_AFTER, HttpSmsSender

IMPATIENT = timedelta(seconds=1)


def sender_to(url: str, **options) -> HttpSmsSender:
    return HttpSmsSender(url, "AC1", "t0ken", "+15550001111", clock=HandClock(), **options)


@pytest.fixture
async def gateway():
    async with SmsGateway().running() as running:
        yield running


@pytest.fixture
async def sender(gateway):
    async with sender_to(gateway.url) as opened:
        yield opened


class GatewayRig:
    def __init__(self, gateway, sender):
        self.gateway = gateway
        self.sender = sender

    def arrived(self):
        return [(form["To"], form["Body"]) for _, _, form in self.gateway.requests]

    async def break_down(self):
        await self.gateway.stop()


class TestHttpSmsSender(SmsSenderContract):
    @pytest.fixture
    def rig(self, gateway, sender):
        return GatewayRig(gateway, sender)


async def test_a_page_is_posted_as_twilio_wants_it(gateway, sender):
    assert await sender.send_sms(an_sms(text="checkout is down"), BUDGET) == Accepted("SM1")
    form = {"To": ANA_PHONE, "From": "+15550001111", "Body": "checkout is down"}
    assert gateway.requests == [("/2010-04-01/Accounts/AC1/Messages.json", "AC1:t0ken", form)]


async def test_a_url_that_is_whole_is_used_as_it_is(gateway):
    async with sender_to(f"{gateway.url}/twilio/Messages.json") as sender:
        await sender.send_sms(an_sms(), BUDGET)
    assert gateway.requests[0][0] == "/twilio/Messages.json"


@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        (http(200, '{"sid": "SM9"}'), Accepted),
        (http(201, '{"sid": "SM9"}'), Accepted),
        (http(201, "<html>thanks</html>"), InDoubt),
        (http(201, '["SM9"]'), InDoubt),
        (http(201, '{"sid": 7}'), InDoubt),
        (http(201, "[" * 20_000), InDoubt),
        (http(201, '{"sid": "SM9", "x": "' + "y" * 70_000 + '"}'), InDoubt),
        (http(204), InDoubt),
        (http(201, '{"sid": "SM9"}')[:-3], InDoubt),
        (http(302, Location="http://127.0.0.1:1/"), Deferred),
        (problem(400, 21211, "Invalid 'To' Phone Number"), Refused),
        (problem(404, 20404, "not found"), Refused),
        (problem(401, 20003, "Authenticate"), Deferred),
        (problem(403, 20003, "Forbidden"), Deferred),
        (problem(408, 0, "too slow"), Deferred),
        (problem(429, 20429, "Too Many Requests"), Deferred),
        (problem(500, 20500, "Internal"), InDoubt),
        (http(502, "<html>bad gateway</html>"), InDoubt),
        (http(504), InDoubt),
        (http(503, "busy"), Deferred),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", InDoubt),
        (CUT, InDoubt),
        (SILENCE, InDoubt),
        (b"HTTP/1.1 201 Created\r\n", InDoubt),
    ],
)
async def test_what_a_gateway_answers_decides(gateway, sender, reply, meaning):
    gateway.reply = reply
    answer = await sender.send_sms(an_sms(), IMPATIENT)
    assert isinstance(answer, meaning)
    assert len(gateway.requests) == 1


async def test_a_refusal_keeps_what_twilio_says(gateway, sender):
    gateway.reply = problem(400, 21211, "Invalid 'To' Phone Number")
    assert await sender.send_sms(an_sms(), BUDGET) == Refused("HTTP 400 21211 Invalid 'To' Phone Number")


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("header", "wait"),
    [
        ("7", 7),
        ("0", 0),
        ("3600", 60),
        (format_datetime(NOON + timedelta(seconds=31)), 30.876544),
        (format_datetime(NOON + timedelta(hours=1)), 60),
        (format_datetime(NOON - timedelta(hours=1)), RETRY_AFTER.total_seconds()),
        ("9" * 400, RETRY_AFTER.total_seconds()),
        ("-5", RETRY_AFTER.total_seconds()),
        ("soon", RETRY_AFTER.total_seconds()),
        ("", RETRY_AFTER.total_seconds()),
        ("Wed, 99 Foo 2026 99:99:99 GMT", RETRY_AFTER.total_seconds()),
    ],
)
async def test_a_gateway_says_when_to_come_back_and_absurd_wishes_are_ignored(gateway, sender, status, header, wait):
    gateway.reply = problem(status, 20429, "Too Many Requests", Retry_After=header)
    answer = await sender.send_sms(an_sms(), BUDGET)
    assert isinstance(answer, Deferred)
    assert answer.retry_after.total_seconds() == wait


async def test_a_silent_gateway_is_left_within_the_budget(gateway, sender):
    gateway.reply = SILENCE
    started = time.monotonic()
    await sender.send_sms(an_sms(), IMPATIENT)
    assert time.monotonic() - started < BUDGET.total_seconds()


async def test_a_gateway_that_does_not_finish_the_handshake_is_no_doubt():
    async with SmsGateway().running() as silent, sender_to(f"https://127.0.0.1:{silent.port}") as sender:
        assert isinstance(await sender.send_sms(an_sms(), IMPATIENT), Deferred)


async def test_a_host_that_nobody_knows_defers():
    async with sender_to("http://gateway.invalid") as sender:
        assert isinstance(await sender.send_sms(an_sms(), BUDGET), Deferred)


async def test_a_gateway_whose_certificate_nobody_vouches_for_defers(server_tls):
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=server_tls)
    async with sender_to(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}") as sender:
        assert isinstance(await sender.send_sms(an_sms(), BUDGET), Deferred)
    server.close()
    await server.wait_closed()


async def test_a_gateway_is_asked_for_so_many_texts_at_once(gateway):
    async with sender_to(gateway.url, connections=3) as sender:
        answers = await asyncio.gather(*(sender.send_sms(an_sms(f"page-{number}"), BUDGET) for number in range(20)))
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert gateway.busiest <= 3
    assert len(gateway.requests) == 20


async def test_who_waits_too_long_for_a_connection_is_told_not_now_and_nothing_was_sent(gateway):
    gateway.gate.clear()
    async with sender_to(gateway.url, connections=1) as sender:
        first = asyncio.ensure_future(sender.send_sms(an_sms("page-1"), timedelta(seconds=30)))
        await gateway.called.wait()
        answer = await sender.send_sms(an_sms("page-2"), IMPATIENT)
        assert isinstance(answer, Deferred)
        assert "busy" in answer.answer
        assert len(gateway.requests) == 1
        gateway.gate.set()
        assert isinstance(await first, Accepted)
        assert isinstance(await sender.send_sms(an_sms("page-2"), BUDGET), Accepted)
