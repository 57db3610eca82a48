"""Sessions with a mail server are used again, bounded, and left or thrown away in time."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from adapters.notifier.mail_servers import CUT, SILENCE, MailServer, ScriptedMailServer
from fakes.notifier_builders import BUDGET, HandClock, an_email

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, Refused
from pager_grpc.notifier.email_smtp import SmtpEmailSender
from pager_grpc.notifier.smtp_server import SmtpServer

PAGER = EmailAddress("pager@pager.example")
IMPATIENT = timedelta(seconds=1)
PATIENT_SECONDS = 5.0
BOTH_WAYS = pytest.mark.parametrize("pipelining", [False, True])


@asynccontextmanager
async def sending_to(port: int, **options):
    """A function that sends a page and gives the answer."""
    server = SmtpServer.from_url(f"smtp://127.0.0.1:{port}")
    async with SmtpEmailSender(server, PAGER, HandClock(), **options) as sender:
        yield lambda page="page-1", budget=BUDGET: sender.send_email(an_email(page), budget)


@pytest.fixture
async def mail():
    async with MailServer().running() as server:
        yield server


async def test_one_session_carries_many_emails(mail):
    async with sending_to(mail.port) as send:
        for number in range(5):
            assert isinstance(await send(f"page-{number}"), Accepted)
    assert len(mail.sessions) == 1
    assert [message["Message-ID"] for message in mail.messages] == [f"<page-{n}@pager.example>" for n in range(5)]


async def test_a_session_is_in_use_while_it_carries_an_email(mail):
    server = SmtpServer.from_url(f"smtp://127.0.0.1:{mail.port}")
    async with SmtpEmailSender(server, PAGER, HandClock(), sessions=2) as sender:
        assert (sender.sessions_in_use, sender.sessions_limit) == (0, 2)
        sending = asyncio.ensure_future(sender.send_email(an_email("page-1"), BUDGET))
        await asyncio.sleep(0)
        assert sender.sessions_in_use == 1
        await sending
        assert sender.sessions_in_use == 0


async def test_what_a_server_can_take_ahead_is_sent_ahead():
    async with ScriptedMailServer(pipelining=True).running() as server, sending_to(server.port) as send:
        # This server answers nothing before MAIL, RCPT and DATA have all arrived.
        assert [type(await send(page)) for page in ("page-1", "page-2")] == [Accepted, Accepted]
    assert len(server.contents) == 2
    assert server.connections == 1


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA", "content"])
async def test_a_refused_email_ends_no_session(phase):
    usual = "354 go on" if phase == "DATA" else "250 OK"
    said = {"RSET": "250 OK", phase: ["550 no", usual]}
    async with ScriptedMailServer(**said).running() as server, sending_to(server.port) as send:
        assert isinstance(await send("page-1"), Refused)
        assert isinstance(await send("page-2"), Accepted)
    assert b"page-2" in server.contents[-1]
    assert server.connections == 1


async def test_after_a_refusal_the_server_is_told_to_forget(mail):
    async with sending_to(mail.port) as send:
        mail.refusals = {"RCPT": "550 5.1.1 no such user"}
        assert isinstance(await send("page-1"), Refused)
        mail.refusals = {}
        assert isinstance(await send("page-2"), Accepted)
    (session,) = mail.sessions
    assert session.said[0] == "RSET"


async def test_of_a_refused_email_no_content_leaves_even_if_the_server_asks_for_it():
    said = {"RCPT": ["550 no such user", "250 OK"]}
    async with ScriptedMailServer(pipelining=True, **said).running() as server, sending_to(server.port) as send:
        assert isinstance(await send("page-1"), Refused)
        assert isinstance(await send("page-2"), Accepted)
    assert [b"page-2" in content for content in server.contents] == [True]
    assert server.connections == 2


@pytest.mark.parametrize("end", [CUT, SILENCE])
async def test_a_refusal_that_was_heard_counts_whatever_comes_after_it(end):
    mail = ScriptedMailServer(pipelining=True, RCPT="550 no", DATA=end)
    async with mail.running() as server, sending_to(server.port) as send:
        answer = await send(budget=IMPATIENT)
    assert isinstance(answer, Refused)
    assert "550" in answer.answer


async def test_a_session_that_the_server_left_while_it_was_idle_is_no_fault_of_the_next_email(mail):
    async with sending_to(mail.port) as send:
        await send("page-1")
        mail.hang_up()
        assert isinstance(await send("page-2"), Accepted)
        await mail.sessions[0].gone.wait()
        assert isinstance(await send("page-3"), Accepted)
    assert len(mail.envelopes) == 3
    assert len(mail.sessions) == 2


@BOTH_WAYS
@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("end", [CUT, "421 4.4.2 idle for too long"])
async def test_a_used_session_that_ends_before_the_content_gives_way_to_a_fresh_one(phase, end, pipelining):
    usual = "354 go on" if phase == "DATA" else "250 OK"
    said = {phase: [usual, end, usual]}
    async with ScriptedMailServer(pipelining=pipelining, **said).running() as server, sending_to(server.port) as send:
        assert isinstance(await send("page-1"), Accepted)
        assert isinstance(await send("page-2"), Accepted)
    assert [b"page-2" in content for content in server.contents] == [False, True]
    assert server.connections == 2


async def test_a_fresh_session_that_ends_is_not_tried_again():
    async with ScriptedMailServer(MAIL=CUT).running() as server, sending_to(server.port) as send:
        assert isinstance(await send(), Deferred)
    assert server.connections == 1


@BOTH_WAYS
@pytest.mark.parametrize("end", [CUT, SILENCE])
async def test_a_used_session_that_ends_after_the_content_leaves_a_doubt_and_no_second_try(end, pipelining):
    said = {"content": ["250 OK", end, "250 OK"]}
    async with ScriptedMailServer(pipelining=pipelining, **said).running() as server, sending_to(server.port) as send:
        assert isinstance(await send("page-1"), Accepted)
        assert isinstance(await send("page-2", IMPATIENT), InDoubt)
        assert len(server.contents) == 2
        assert isinstance(await send("page-3"), Accepted)
    assert server.connections == 2


async def test_a_session_is_left_after_so_many_emails(mail):
    async with sending_to(mail.port, most_emails=2) as send:
        for number in range(5):
            assert isinstance(await send(f"page-{number}"), Accepted)
    assert len(mail.sessions) == 3
    async with asyncio.timeout(PATIENT_SECONDS):
        await asyncio.gather(*(session.gone.wait() for session in mail.sessions))
    assert all(session.said == ["QUIT"] for session in mail.sessions)


async def test_a_session_that_nobody_needs_is_left(mail):
    async with sending_to(mail.port, idle_seconds=0.05) as send:
        await send("page-1")
        async with asyncio.timeout(PATIENT_SECONDS):
            await mail.sessions[0].gone.wait()
        assert mail.sessions[0].said == ["QUIT"]
        assert isinstance(await send("page-2"), Accepted)
    assert len(mail.sessions) == 2


async def test_sessions_are_bounded_and_shared(mail):
    async with sending_to(mail.port, sessions=3) as send:
        answers = await asyncio.gather(*(send(f"page-{number}") for number in range(50)))
    assert all(isinstance(answer, Accepted) for answer in answers)
    assert len(mail.sessions) <= 3
    assert len({message["Message-ID"] for message in mail.messages}) == 50


async def test_who_waits_too_long_for_a_session_is_told_not_now_and_nothing_was_sent(mail):
    mail.gate.clear()
    async with sending_to(mail.port, sessions=1) as send:
        first = asyncio.ensure_future(send("page-1", timedelta(seconds=30)))
        await mail.called.wait()
        answer = await send("page-2", IMPATIENT)
        assert isinstance(answer, Deferred)
        assert "busy" in answer.answer
        mail.gate.set()
        assert isinstance(await first, Accepted)
        assert isinstance(await send("page-2"), Accepted)
    assert len(mail.envelopes) == 2


async def test_an_email_under_way_ends_before_its_session_is_left(mail):
    mail.gate.clear()
    async with sending_to(mail.port) as send:
        under_way = asyncio.ensure_future(send())
        await mail.called.wait()
    mail.gate.set()
    assert isinstance(await under_way, Accepted)
    async with asyncio.timeout(PATIENT_SECONDS):
        await mail.sessions[0].gone.wait()
