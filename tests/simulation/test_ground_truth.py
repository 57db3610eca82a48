"""The providers of the ground truth against the real senders of the notifier."""

import os
import signal
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta

import pytest
from builders import a_page
from fakes.notifier_builders import ANA, ANA_PHONE, BUDGET, an_email, an_sms
from simulation.providers_process import Providers, UndecidableError, hand_offs, running_providers

from pager_domain.kernel import EmailAddress
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, Refused
from pager_domain.pager.audit import PageRecord
from pager_grpc.notifier.email_smtp import SmtpEmailSender
from pager_grpc.notifier.sms_http import HttpSmsSender
from pager_grpc.notifier.smtp_server import SmtpServer
from pager_grpc.runtime.clock import SystemClock

SHORT = timedelta(seconds=0.5)


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    with running_providers(tmp_path_factory.mktemp("providers")) as providers:
        yield providers


@pytest.fixture
def providers(running):
    """Providers whose log holds nothing but this test's lines."""
    os.truncate(running.log, 0)
    for recipient in (ANA, ANA_PHONE):
        running.behave(recipient, "accept")
    return running


@asynccontextmanager
async def sending(providers: Providers):
    """The two senders, as functions of what the provider is to do."""
    settings = providers.environment
    server = SmtpServer.from_url(settings["NOTIFIER_SMTP_URL"])
    async with (
        SmtpEmailSender(server, EmailAddress("p@x.org"), SystemClock()) as email,
        HttpSmsSender(settings["NOTIFIER_SMS_URL"], "AC1", "t", "+15005550006", clock=SystemClock()) as sms,
    ):
        senders = {"email": (email.send_email, an_email, ANA), "sms": (sms.send_sms, an_sms, ANA_PHONE)}

        async def send(channel: str, *steps: str, budget: timedelta = BUDGET, **message):
            call, make, recipient = senders[channel]
            if steps:
                providers.behave(recipient, *steps)
            return await call(make(**message), budget)

        yield send


BOTH = ["email", "sms"]
CASES = [
    *((channel, "accept", Accepted, 1) for channel in BOTH),
    *((channel, "slow:0.1", Accepted, 1) for channel in BOTH),
    *((channel, "later:7", Deferred, 0) for channel in BOTH),
    *((channel, "refuse", Refused, 0) for channel in BOTH),
    ("email", "fail", Deferred, 0),
    ("sms", "fail", InDoubt, 0),
    *((channel, step, InDoubt, count) for channel in BOTH for step, count in {"accept_cut": 1, "cut": 0}.items()),
    *(
        (channel, step, InDoubt, count)
        for channel in BOTH
        for step, count in {"accept_silence": 1, "silence": 0}.items()
    ),
]


@pytest.mark.parametrize(("channel", "step", "answer", "taken"), CASES)
async def test_what_a_provider_is_told_to_do_is_heard_and_logged(providers, channel, step, answer, taken):
    async with sending(providers) as send:
        budget = SHORT if "silence" in step else BUDGET
        heard = await send(channel, step, budget=budget)
        assert isinstance(heard, answer), heard
    assert len(providers.lines("asked")) == (0 if (channel, step) == ("email", "refuse") else 1)
    assert len(providers.lines("taken")) == taken


async def test_retry_after_is_the_one_that_was_asked_for(providers):
    async with sending(providers) as send:
        assert (await send("sms", "later:7")).retry_after == timedelta(seconds=7)


async def test_steps_are_taken_in_turn_and_the_last_one_lasts(providers):
    async with sending(providers) as send:
        heard = [await send("sms", "fail", "refuse", "accept"), *[await send("sms") for _ in range(3)]]
    assert [type(answer) for answer in heard] == [InDoubt, Refused, Accepted, Accepted]


def owed(*pages):
    return [PageRecord(page, None) for page in pages]


async def test_the_log_says_which_page_it_was(providers):
    mail, text = a_page(1), a_page(2)
    async with sending(providers) as send:
        await send("email", delivery_id=mail.notification_id)
        await send("sms", to=text.target.number.value, text="[possible duplicate] body")
        await send("sms", to=text.target.number.value, text="something else")
    found = [hand_off.delivery_id for hand_off in hand_offs(providers.lines("taken"), owed(mail, text), {})]
    assert found == [mail.notification_id, text.notification_id, "unknown text: something else"]


async def test_the_log_says_which_bundle_it_was(providers):
    mails, texts = [replace(page, bundle_id="b-1") for page in owed(a_page(1))], owed(a_page(2), a_page(2, cycle=2))
    texts = [replace(page, bundle_id="b-2") for page in texts]
    async with sending(providers) as send:
        await send("email", delivery_id="b-1")
        await send("sms", to=texts[0].notification.address, text="2 PAGES")
    words = {"b-1": "many pages", "b-2": "2 PAGES"}
    taken = hand_offs(providers.lines("taken"), [*mails, *texts], words)
    assert [hand_off.delivery_id for hand_off in taken] == ["b-1", "b-2"]


def test_texts_that_cannot_be_told_apart_are_refused():
    first = a_page(2)
    with pytest.raises(UndecidableError):
        list(hand_offs([], owed(first, replace(first, cycle=2)), {}))


async def test_what_was_taken_is_in_the_log_though_nobody_was_answered_and_the_provider_died(tmp_path):
    with running_providers(tmp_path) as providers:
        async with sending(providers) as send:
            await send("sms", "accept")
            assert isinstance(await send("email", "accept_silence", budget=SHORT), InDoubt)
            os.kill(providers.pid, signal.SIGKILL)
        assert len(providers.lines("taken")) == 2
