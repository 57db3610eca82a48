"""What every way to a mail server promises. A signer gives :class:`EmailSenderContract` a ``rig``."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import pytest
from fakes.notifier_builders import ANA, BUDGET, an_email

from pager_domain.notifier.model import Accepted, Deferred
from pager_domain.notifier.ports.email_sender import EmailSender


class EmailRig(Protocol):
    """A sender and the far side of it."""

    sender: EmailSender

    def arrived(self) -> Sequence[tuple[str, str, str]]:
        """Recipient, subject and text of each e-mail that arrived."""

    async def break_down(self) -> None:
        """Makes the provider unreachable."""


class EmailSenderContract:
    @pytest.fixture
    def rig(self) -> EmailRig:
        raise NotImplementedError

    async def test_an_accepted_page_has_arrived_word_for_word(self, rig):
        text = "Störung im Kassensystem\n.\n..two dots\n\n確認してください ☎ " + "x" * 1200
        answer = await rig.sender.send_email(an_email(subject="Kasse fällt aus ☎", text=text), BUDGET)
        assert isinstance(answer, Accepted)
        assert rig.arrived() == [(ANA, "Kasse fällt aus ☎", text)]

    async def test_each_page_goes_to_its_own_person(self, rig):
        for name in ("ana", "ben"):
            await rig.sender.send_email(an_email(f"page-{name}", to=f"{name}@example.com"), BUDGET)
        assert sorted(to for to, _, _ in rig.arrived()) == ["ana@example.com", "ben@example.com"]

    async def test_an_unreachable_provider_defers_and_nothing_arrives(self, rig):
        await rig.break_down()
        answer = await rig.sender.send_email(an_email(), BUDGET)
        assert isinstance(answer, Deferred)
        assert timedelta() < answer.retry_after <= timedelta(minutes=1)
        assert answer.answer
        assert rig.arrived() == []

    async def test_the_provider_has_a_name_for_the_ledger(self, rig):
        assert rig.sender.provider
