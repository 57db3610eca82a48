"""What every way to an SMS gateway promises. A signer gives :class:`SmsSenderContract` a ``rig``."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import pytest
from fakes.notifier_builders import ANA_PHONE, BUDGET, an_sms

from pager_domain.notifier.model import Accepted, Deferred
from pager_domain.notifier.ports.sms_sender import SmsSender


class SmsRig(Protocol):
    """A sender and the far side of it."""

    sender: SmsSender

    def arrived(self) -> Sequence[tuple[str, str]]:
        """Recipient and text of each text message that arrived."""

    async def break_down(self) -> None:
        """Makes the provider unreachable."""


class SmsSenderContract:
    @pytest.fixture
    def rig(self) -> SmsRig:
        raise NotImplementedError

    async def test_an_accepted_page_has_arrived_word_for_word(self, rig):
        text = "Störung im Kassensystem & mehr=ja\n☎ +1 " + "x" * 1200
        answer = await rig.sender.send_sms(an_sms(text=text), BUDGET)
        assert isinstance(answer, Accepted)
        assert rig.arrived() == [(ANA_PHONE, text)]

    async def test_each_page_goes_to_its_own_person(self, rig):
        for number in ("+4915112345678", "+4915112345679"):
            await rig.sender.send_sms(an_sms(f"page-{number[-1]}", to=number), BUDGET)
        assert sorted(to for to, _ in rig.arrived()) == ["+4915112345678", "+4915112345679"]

    async def test_an_unreachable_provider_defers_and_nothing_arrives(self, rig):
        await rig.break_down()
        answer = await rig.sender.send_sms(an_sms(), BUDGET)
        assert isinstance(answer, Deferred)
        assert timedelta() < answer.retry_after <= timedelta(minutes=1)
        assert answer.answer
        assert rig.arrived() == []

    async def test_the_provider_has_a_name_for_the_ledger(self, rig):
        assert rig.sender.provider
