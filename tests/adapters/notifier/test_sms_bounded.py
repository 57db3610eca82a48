"""Text messages cost money: they go where the operator allows, and so many a day. Beyond it nobody is silent."""

from datetime import timedelta

import pytest
from adapters.notifier.callers import Caller, settings, sms_request
from adapters.notifier.sms_gateway import SmsGateway
from adapters.notifier.test_sms_http import GatewayRig, sender_to
from contracts.notifier_sms_sender import SmsSenderContract
from fakes.notifier_builders import BUDGET, an_sms
from fakes.notifier_sms_sender import FakeSmsSender
from prometheus_client import CollectorRegistry

from pager_domain.notifier.model import Accepted, Deferred, InDoubt, Refused
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.notifier.sms_bounded import BoundedSmsSender
from pager_grpc.runtime.config import ConfigurationFault, read_settings

HOUR = 3600.0


class TestBoundedSmsSender(SmsSenderContract):
    @pytest.fixture
    async def rig(self):
        async with SmsGateway().running() as gateway, sender_to(gateway.url) as sender:
            yield GatewayRig(gateway, BoundedSmsSender(sender, ["+49"], 100, CollectorRegistry()))


class Bounded:
    """A bounded sender whose time is set by hand."""

    def __init__(self, *prefixes: str, per_day: int = 0) -> None:
        self.now, self.counted, self.provider = 0.0, CollectorRegistry(), FakeSmsSender()
        self.sender = BoundedSmsSender(self.provider, prefixes, per_day, self.counted, clock=lambda: self.now)

    async def sent(self, number: str = "+4915112345678") -> type:
        return type(await self.sender.send_sms(an_sms(to=number), BUDGET))

    def refused(self, limit: str):
        return self.counted.get_sample_value("notifier_text_messages_refused_total", {"limit": limit})


async def test_a_number_elsewhere_is_refused_for_good_and_the_provider_never_hears_of_it():
    bounded = Bounded("+49", "+43")
    assert await bounded.sent("+4366412345678") is Accepted
    assert await bounded.sent("+88213312345678") is Refused
    assert len(bounded.provider.handed_over) == 1
    assert bounded.refused("destination") == 1


@pytest.mark.parametrize("over", [1, 100])
async def test_what_is_beyond_the_day_is_refused_and_the_budget_comes_back_as_the_day_goes_by(over):
    bounded = Bounded(per_day=24)
    assert [await bounded.sent() for _ in range(24)] == [Accepted] * 24
    assert [await bounded.sent() for _ in range(over)] == [Refused] * over
    assert bounded.refused("day") == over
    bounded.now += 2 * HOUR
    assert [await bounded.sent() for _ in range(3)] == [Accepted, Accepted, Refused]


async def test_what_is_refused_for_its_country_costs_nothing_of_the_day():
    bounded = Bounded("+49", per_day=1)
    assert [await bounded.sent("+15005550006"), await bounded.sent()] == [Refused, Accepted]


@pytest.mark.parametrize("answer", [Deferred(timedelta(seconds=5), "busy"), Refused("no such number")], ids=repr)
async def test_what_the_gateway_did_not_take_costs_nothing_of_the_day(answer):
    bounded = Bounded(per_day=2)
    bounded.provider.answers = [answer] * 30
    assert [await bounded.sent() for _ in range(30)] == [type(answer)] * 30
    assert [await bounded.sent() for _ in range(3)] == [Accepted, Accepted, Refused]


async def test_what_it_may_have_taken_does():
    bounded = Bounded(per_day=1)
    bounded.provider.answers = [InDoubt("no answer")]
    assert [await bounded.sent() for _ in range(2)] == [InDoubt, Refused]


async def test_whoever_asks_for_it_hears_that_the_message_is_refused_for_good(tmp_path):
    calling = Caller()
    limits = settings(tmp_path, NOTIFIER_SMS_PREFIXES="+43")
    room = running_notifier(limits, email_sender=calling.mail, sms_sender=calling.gateway)
    async with room as port, calling.connect(port):
        fault = await calling.refused(calling.stub.SendSms(sms_request(), timeout=15))
    assert fault.reason == "ERROR_REASON_MESSAGE_REFUSED"
    assert "NOTIFIER_SMS_PREFIXES" in fault.metadata["provider_answer"]
    assert calling.gateway.handed_over == []


def test_prefixes_are_beginnings_of_numbers(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NOTIFIER_SMS_PREFIXES", "+49, +43")
    assert read_settings(NotifierSettings).sms_prefixes == ["+49", "+43"]
    monkeypatch.setenv("NOTIFIER_SMS_PREFIXES", "49")
    with pytest.raises(ConfigurationFault, match="NOTIFIER_SMS_PREFIXES: must be beginnings of numbers"):
        read_settings(NotifierSettings)
