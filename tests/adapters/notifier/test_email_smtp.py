import re
import ssl
import time
from contextlib import AsyncExitStack
from datetime import timedelta
from email.utils import parsedate_to_datetime

import pytest
from adapters.notifier.mail_servers import CUT, SILENCE, MailServer, ScriptedMailServer
from contracts.notifier_email_sender import EmailSenderContract
from fakes.notifier_builders import ANA, BUDGET, NOON, HandClock, an_email

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, Refused
from pager_grpc.notifier.email_smtp import SmtpEmailSender
from pager_grpc.notifier.smtp_server import SmtpServer

PAGER = EmailAddress("pager@pager.example")
IMPATIENT = timedelta(seconds=1)


@pytest.fixture
async def sender_to():
    """Makes senders to a port of this machine, and closes them."""
    async with AsyncExitStack() as stack:

        def make(port: int, *, scheme: str = "smtp", login: str = "", tls: ssl.SSLContext | None = None):
            server = SmtpServer.from_url(f"{scheme}://{login}127.0.0.1:{port}")
            sender = SmtpEmailSender(server, PAGER, HandClock(), tls)
            stack.push_async_exit(sender)
            return sender

        yield make


@pytest.fixture
async def mail():
    async with MailServer().running() as server:
        yield server


class SmtpRig:
    def __init__(self, mail: MailServer, sender: SmtpEmailSender) -> None:
        self.mail = mail
        self.sender = sender

    def arrived(self):
        pairs = zip(self.mail.envelopes, self.mail.messages, strict=True)
        return [(e.rcpt_tos[0], m["Subject"], m.get_content().replace("\r\n", "\n").rstrip("\n")) for e, m in pairs]

    async def break_down(self):
        await self.mail.stop()


class TestSmtpEmailSender(EmailSenderContract):
    @pytest.fixture
    def rig(self, mail, sender_to):
        return SmtpRig(mail, sender_to(mail.port))


async def test_a_page_carries_the_headers_that_machines_look_at(mail, sender_to):
    answer = await sender_to(mail.port).send_email(an_email("page-1"), BUDGET)
    assert answer == Accepted("Q1")
    (message,) = mail.messages
    assert (message["From"], message["To"]) == ("pager@pager.example", ANA)
    assert message["Message-ID"] == "<page-1@pager.example>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "text/plain"
    assert parsedate_to_datetime(message["Date"]) == NOON.replace(microsecond=0)
    assert mail.envelopes[0].mail_from == "pager@pager.example"


async def test_a_repeat_carries_the_same_message_id_whatever_the_delivery_id_looks_like(mail, sender_to):
    wild = "incident/7 <é>\t@" + "x" * 200
    wild = wild.replace("\t", " ")
    for delivery_id in (wild, wild, wild + "y"):
        await sender_to(mail.port).send_email(an_email(delivery_id), BUDGET)
    first, repeat, other = [message["Message-ID"] for message in mail.messages]
    assert first == repeat != other
    assert re.fullmatch(r"<=[0-9a-f]{64}@pager\.example>", first)


@pytest.mark.parametrize("line_end", ["\r\n", "\n", "\r", "\u2028", "\x85"])
async def test_a_subject_cannot_begin_another_header(mail, line_end, sender_to):
    subject = f"down{line_end}Bcc: eve@example.com{line_end}{line_end}<h1>hello</h1>"
    await sender_to(mail.port).send_email(an_email(subject=subject), BUDGET)
    (message,) = mail.messages
    assert message["Bcc"] is None
    assert message["Subject"] == "down Bcc: eve@example.com <h1>hello</h1>"
    assert mail.envelopes[0].rcpt_tos == [ANA]


@pytest.mark.parametrize("phase", ["MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize(
    ("reply", "meaning"),
    [
        ("550 5.1.1 no such user", Refused),
        ("552 too big", Refused),
        ("451 4.7.1 greylisted", Deferred),
        ("452 no room", Deferred),
        ("421 closing", Deferred),
        ("530 5.7.0 log in first", Deferred),
    ],
)
async def test_what_a_mail_server_replies_decides(mail, phase, reply, meaning, sender_to):
    mail.refusals = {phase: reply}
    answer = await sender_to(mail.port).send_email(an_email(), BUDGET)
    assert isinstance(answer, meaning)
    assert reply[:3] in answer.answer
    assert mail.envelopes == []


@pytest.mark.parametrize("pipelining", [False, True])
@pytest.mark.parametrize("phase", ["greeting", "EHLO", "MAIL", "RCPT", "DATA"])
@pytest.mark.parametrize("failure", [CUT, SILENCE])
async def test_a_connection_lost_before_the_content_left_is_no_doubt(phase, failure, pipelining, sender_to):
    async with ScriptedMailServer(pipelining=pipelining, **{phase: failure}).running() as server:
        answer = await sender_to(server.port).send_email(an_email(), IMPATIENT)
    assert isinstance(answer, Deferred)
    assert server.contents == []


@pytest.mark.parametrize("failure", [CUT, SILENCE, "hello", "199 what"])
async def test_a_connection_lost_after_the_final_dot_is_a_doubt(failure, sender_to):
    async with ScriptedMailServer(content=failure).running() as server:
        answer = await sender_to(server.port).send_email(an_email(), IMPATIENT)
    assert isinstance(answer, InDoubt)
    assert len(server.contents) == 1


@pytest.mark.parametrize(("reply", "meaning"), [("451 later", Deferred), ("554 spam", Refused), ("250 OK", Accepted)])
async def test_a_reply_after_the_final_dot_decides(reply, meaning, sender_to):
    async with ScriptedMailServer(content=reply).running() as server:
        assert isinstance(await sender_to(server.port).send_email(an_email(), BUDGET), meaning)


@pytest.mark.parametrize("reply", ["554 no service", "421 too many connections", "what"])
async def test_a_server_that_greets_with_a_refusal_defers(reply, sender_to):
    async with ScriptedMailServer(greeting=reply).running() as server:
        assert isinstance(await sender_to(server.port).send_email(an_email(), BUDGET), Deferred)


async def test_a_silent_server_is_left_within_the_budget(sender_to):
    async with ScriptedMailServer(content=SILENCE).running() as server:
        started = time.monotonic()
        await sender_to(server.port).send_email(an_email(), IMPATIENT)
        assert time.monotonic() - started < BUDGET.total_seconds()


async def test_an_unknown_host_defers():
    sender = SmtpEmailSender(SmtpServer.from_url("smtp://mail.invalid"), PAGER, HandClock())
    assert isinstance(await sender.send_email(an_email(), BUDGET), Deferred)


async def test_lines_that_begin_with_a_dot_end_nothing(sender_to):
    async with ScriptedMailServer().running() as server:
        await sender_to(server.port).send_email(an_email(text="one\n.\ntwo"), BUDGET)
    (content,) = server.contents
    assert b"\r\none\r\n..\r\ntwo\r\n.\r\n" in content


async def test_starttls_is_used_when_offered(server_tls, trusting_tls, sender_to):
    async with MailServer().running(starttls=server_tls) as mail:
        assert isinstance(await sender_to(mail.port, tls=trusting_tls).send_email(an_email(), BUDGET), Accepted)
        assert mail.encrypted == [True]


async def test_tls_from_the_first_byte(server_tls, trusting_tls, sender_to):
    async with MailServer().running(tls=server_tls) as mail:
        sender = sender_to(mail.port, scheme="smtps", tls=trusting_tls)
        assert isinstance(await sender.send_email(an_email(), BUDGET), Accepted)


async def test_required_encryption_that_is_not_offered_defers(mail, sender_to):
    answer = await sender_to(mail.port, scheme="smtp+starttls").send_email(an_email(), BUDGET)
    assert isinstance(answer, Deferred)
    assert mail.envelopes == []


@pytest.mark.parametrize("scheme", ["smtp", "smtp+starttls", "smtps"])
async def test_a_certificate_that_nobody_vouches_for_defers(server_tls, scheme, sender_to):
    kind = "tls" if scheme == "smtps" else "starttls"
    async with MailServer().running(**{kind: server_tls}) as mail:
        assert isinstance(await sender_to(mail.port, scheme=scheme).send_email(an_email(), BUDGET), Deferred)
        assert mail.envelopes == []


@pytest.mark.parametrize("scheme", ["smtps", "smtp+starttls"])
async def test_a_server_that_does_not_finish_the_handshake_is_no_doubt(scheme, sender_to):
    greeting = SILENCE if scheme == "smtps" else "220 hi"
    script = {"greeting": greeting, "EHLO": "250-hi\r\n250 STARTTLS", "STARTTLS": "220 go on then"}
    async with ScriptedMailServer(**script).running() as server:
        answer = await sender_to(server.port, scheme=scheme).send_email(an_email(), IMPATIENT)
    assert isinstance(answer, Deferred)


async def test_logging_in_with_the_right_password(server_tls, trusting_tls, sender_to):
    async with MailServer().running(starttls=server_tls, password="s3cr@t/ü") as mail:
        sender = sender_to(mail.port, login="pager:s3cr%40t%2F%C3%BC@", tls=trusting_tls)
        assert isinstance(await sender.send_email(an_email(), BUDGET), Accepted)


async def test_a_wrong_password_discards_no_page_and_is_not_repeated_in_the_answer(server_tls, trusting_tls, sender_to):
    async with MailServer().running(starttls=server_tls, password="right") as mail:
        answer = await sender_to(mail.port, login="pager:wr0ng@", tls=trusting_tls).send_email(an_email(), BUDGET)
    assert isinstance(answer, Deferred)
    assert "wr0ng" not in answer.answer


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("smtp://mail.example.com", SmtpServer("mail.example.com", 25, "offered", None, None)),
        ("smtp+starttls://u:p@mail.example.com", SmtpServer("mail.example.com", 587, "required", "u", "p")),
        ("smtps://mail.example.com:2465/", SmtpServer("mail.example.com", 2465, "implicit", None, None)),
    ],
)
def test_a_mail_server_is_named_by_a_url(url, server):
    assert SmtpServer.from_url(url) == server


@pytest.mark.parametrize("url", ["http://x", "smtp://", "smtp://x:99999", "smtp://x/path", "mail.example.com"])
def test_a_url_that_names_no_mail_server_is_refused(url):
    with pytest.raises(ValueError, match="must"):
        SmtpServer.from_url(url)
