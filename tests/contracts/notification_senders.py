"""What both senders promise. A signer gives ``senders`` and ``answers``, a list of what the provider says first."""

import pytest

from pager_domain.kernel import EmailAddress, PhoneNumber
from pager_domain.pager.events import NotificationId
from pager_domain.pager.ports.email_sender import FateUnknown, HandedOff, NotNow, Refused

PAGE, OTHER = NotificationId("page-1"), NotificationId("page-2")
ANA, ANA_PHONE = EmailAddress("ana@example.com"), PhoneNumber("+4915112345678")


class NotificationSendersContract:
    @pytest.fixture
    async def senders(self):
        raise NotImplementedError

    async def test_each_channel_hands_off_and_names_its_provider(self, senders):
        by_email = await senders.send_email(ANA, "subject", "body", PAGE, 1)
        by_sms = await senders.send_sms(ANA_PHONE, "text", OTHER, 1)
        assert isinstance(by_email, HandedOff)
        assert isinstance(by_sms, HandedOff)
        assert by_email.provider
        assert by_email.provider_message_id

    async def test_one_page_is_sent_once_however_often_it_is_asked_for(self, senders, sent):
        for attempt in (1, 2, 3):
            assert isinstance(await senders.send_email(ANA, "subject", "body", PAGE, attempt), HandedOff)
        assert sent["ana@example.com"] == 1

    async def test_an_answer_that_is_not_a_success_is_told_and_does_not_raise(self, senders, say, sent):
        for answer in (NotNow, Refused, FateUnknown):
            say(answer)
            assert isinstance(await senders.send_email(ANA, "subject", "body", PAGE, 1), answer)
        assert sent == {}
