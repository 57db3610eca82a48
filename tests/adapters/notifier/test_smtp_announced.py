"""An e-mail that waits for a session is announced behind the content of the one before it."""

import asyncio
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
from adapters.notifier.mail_servers import CUT, SILENCE, PromptMailServer
from fakes.notifier_builders import HandClock, an_email

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, Refused
from pager_grpc.notifier import smtp_places, smtp_session
from pager_grpc.notifier.email_smtp import SmtpEmailSender
from pager_grpc.notifier.smtp_server import SmtpServer

PATIENT = timedelta(seconds=20)
IMPATIENT = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def slow_machine(monkeypatch):
    """What takes long here takes long because of the machine, not of the mail server."""
    monkeypatch.setattr(smtp_session, "PROMPT_SECONDS", 30.0)
    monkeypatch.setattr(smtp_places, "PATIENCE_SECONDS", 30.0)


@asynccontextmanager
async def sending_to(mail: PromptMailServer, sessions: int = 1, *, used: bool = True, **options):
    """A function that begins to send a page; ``used`` sessions have carried one, and their server was prompt."""
    server = SmtpServer.from_url(f"smtp://127.0.0.1:{mail.port}")
    async with SmtpEmailSender(server, EmailAddress("p@x.org"), HandClock(), sessions=sessions, **options) as sender:

        def send(page: str, budget: timedelta = PATIENT):
            return asyncio.ensure_future(sender.send_email(an_email(page, to=f"{page}@example.com"), budget))

        await asyncio.gather(*(send(f"usual-{number}") for number in range(sessions * used)))
        yield send
        assert sender.sessions_in_use == 0


def carried(mail: PromptMailServer, page: str) -> int:
    return sum(f"<{page}@x.org>".encode() in content for content in mail.contents)


async def test_who_waits_is_announced_with_the_content_before_it():
    async with PromptMailServer().running() as mail, sending_to(mail) as send:
        answers = await asyncio.gather(*(send(f"page-{number}") for number in range(10)))
    assert set(map(type, answers)) == {Accepted}
    assert [carried(mail, f"page-{number}") for number in range(10)] == [1] * 10
    assert mail.announced == 9
    assert len(mail.sessions) == 1


async def test_over_a_session_nobody_is_announced_before_its_server_was_prompt_once():
    async with PromptMailServer().running() as mail, sending_to(mail, used=False) as send:
        await asyncio.gather(send("page-1"), send("page-2"), send("page-3"))
    assert mail.announced == 1
    assert len(mail.sessions) == 1


async def test_a_session_that_is_about_to_be_left_announces_nobody():
    async with PromptMailServer().running() as mail, sending_to(mail, most_emails=2) as send:
        await asyncio.gather(send("page-1"), send("page-2"), send("page-3"))
    assert mail.announced == 0
    assert len(mail.sessions) == 2


@pytest.mark.parametrize(
    ("end", "meaning"),
    [("550 spam", Refused), ("451 later", Deferred), ("421 closing", Deferred), ("what", InDoubt), (CUT, InDoubt)],
)
async def test_who_was_announced_behind_a_failure_goes_over_a_fresh_session(end, meaning):
    script = {"page-1@x.org": end}
    async with PromptMailServer(**script).running() as mail, sending_to(mail) as send:
        answers = await asyncio.gather(send("page-1"), send("page-2"))
    assert list(map(type, answers)) == [meaning, Accepted]
    assert (carried(mail, "page-1"), carried(mail, "page-2")) == (1, 1)
    assert mail.announced == 1
    assert len(mail.sessions) == 2


async def test_who_was_announced_behind_silence_is_not_sent_with_it():
    script = {"page-1@x.org": SILENCE}
    async with PromptMailServer(**script).running() as mail, sending_to(mail) as send:
        answers = await asyncio.gather(send("page-1", IMPATIENT), send("page-2"))
        # Nothing of what was given up is delivered later.
        assert await mail.resets.get()
    assert list(map(type, answers)) == [InDoubt, Accepted]
    assert carried(mail, "page-2") == 1


async def test_a_session_that_has_fallen_silent_holds_up_nobody_who_was_announced_on_it(monkeypatch):
    monkeypatch.setattr(smtp_places, "PATIENCE_SECONDS", 0.1)
    script = {"page-1@x.org": SILENCE}
    async with PromptMailServer(**script).running() as mail, sending_to(mail, sessions=2) as send:
        silent, *others = [send(f"page-{number}") for number in range(1, 5)]
        answers = await asyncio.gather(*others)
        assert not silent.done()
        silent.cancel()
        await asyncio.wait([silent])
    assert set(map(type, answers)) == {Accepted}
    assert [carried(mail, f"page-{number}") for number in (2, 3, 4)] == [1, 1, 1]


async def test_an_announced_email_that_is_refused_is_no_fault_of_its_neighbours():
    script = {"page-2@example.com": "550 no such user"}
    async with PromptMailServer(**script).running() as mail, sending_to(mail) as send:
        answers = await asyncio.gather(*(send(f"page-{number}") for number in (1, 2, 3)))
    assert list(map(type, answers)) == [Accepted, Refused, Accepted]
    assert carried(mail, "page-2") == 0
    assert carried(mail, "page-3") == 1


async def test_who_goes_away_after_it_was_announced_is_not_sent_and_leaves_its_place():
    script = {"page-1@x.org": SILENCE}
    async with PromptMailServer(**script).running() as mail, sending_to(mail) as send:
        first, second = send("page-1", IMPATIENT), send("page-2")
        while not mail.announced:
            await asyncio.sleep(0)
        second.cancel()
        assert isinstance(await first, InDoubt)
        assert isinstance(await send("page-3"), Accepted)
    assert carried(mail, "page-2") == 0


async def test_who_waits_too_long_after_it_was_announced_is_told_not_now():
    script = {"page-1@x.org": SILENCE}
    async with PromptMailServer(**script).running() as mail, sending_to(mail) as send:
        first, second = send("page-1", IMPATIENT * 2), send("page-2", IMPATIENT)
        answer = await second
        assert isinstance(answer, Deferred)
        assert "busy" in answer.answer
        await first
    assert carried(mail, "page-2") == 0
