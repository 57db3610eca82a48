"""A provider that does not answer in time is left with a reset: the kernel must not deliver the message later."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

from fakes.notifier_builders import an_email, an_sms

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.model import Accepted, InDoubt
from pager_grpc.notifier.email_smtp import SmtpEmailSender
from pager_grpc.notifier.sms_http import HttpSmsSender
from pager_grpc.notifier.smtp_server import SmtpServer
from pager_grpc.runtime.clock import SystemClock

SHORT = timedelta(seconds=0.5)


@asynccontextmanager
async def provider(session):
    """A server on loopback; what the end of its first connection was is the result of the future."""
    end = asyncio.get_running_loop().create_future()

    async def accept(reader, writer):
        try:
            await session(reader, writer)
            await reader.read()
            end.set_result("closed")
        except ConnectionResetError:
            end.set_result("reset")
        finally:
            writer.close()

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1], end


def mail_session(answer: bytes):
    async def session(reader, writer):
        writer.write(b"220 hello\r\n")
        while not (await reader.readline()).startswith(b"DATA"):
            writer.write(b"250 OK\r\n")
        writer.write(b"354 go on\r\n")
        await reader.readuntil(b"\r\n.\r\n")
        writer.write(answer)

    return session


async def take_a_request(reader, writer):
    await reader.readuntil(b"\r\n\r\n")
    await reader.readuntil(b"Body=body")


async def send_email(port: int, budget: timedelta):
    server = SmtpServer.from_url(f"smtp://127.0.0.1:{port}")
    async with SmtpEmailSender(server, EmailAddress("pager@example.com"), SystemClock()) as sender:
        return await sender.send_email(an_email(), budget)


async def test_an_email_that_is_given_up_is_not_delivered_later():
    async with provider(mail_session(b"")) as (port, end):
        assert isinstance(await send_email(port, SHORT), InDoubt)
        assert await asyncio.wait_for(end, 30) == "reset"


async def test_an_email_that_was_answered_ends_politely():
    async with provider(mail_session(b"250 queued\r\n")) as (port, end):
        assert isinstance(await send_email(port, timedelta(seconds=30)), Accepted)
        assert await asyncio.wait_for(end, 30) == "closed"


async def test_a_text_that_is_given_up_is_not_delivered_later():
    async with (
        provider(take_a_request) as (port, end),
        HttpSmsSender(f"http://127.0.0.1:{port}", "AC1", "t", "+15005550006", clock=SystemClock()) as sender,
    ):
        assert isinstance(await sender.send_sms(an_sms(text="body"), SHORT), InDoubt)
        assert await asyncio.wait_for(end, 30) == "reset"
