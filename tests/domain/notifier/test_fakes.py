import pytest
from contracts.notifier_delivery_history import DeliveryHistoryContract
from contracts.notifier_delivery_ledger import DeliveryLedgerContract
from contracts.notifier_email_sender import EmailSenderContract
from contracts.notifier_sms_sender import SmsSenderContract
from fakes.notifier_builders import HandClock
from fakes.notifier_delivery_history import FakeDeliveryHistory
from fakes.notifier_delivery_ledger import FakeDeliveryLedger
from fakes.notifier_email_sender import FakeEmailSender
from fakes.notifier_sms_sender import FakeSmsSender


class TestFakeDeliveryLedger(DeliveryLedgerContract):
    @pytest.fixture
    def ledger(self):
        return FakeDeliveryLedger(HandClock())


class TestFakeDeliveryHistory(DeliveryHistoryContract):
    @pytest.fixture
    def clock(self):
        return HandClock()

    @pytest.fixture
    def ledger(self, clock):
        return FakeDeliveryLedger(clock)

    @pytest.fixture
    def history(self, ledger):
        return FakeDeliveryHistory(ledger)

    @pytest.fixture
    def pass_by(self, clock):
        async def passing(span):
            clock.advance(span.total_seconds())

        return passing


class FakeEmailRig:
    def __init__(self):
        self.sender = FakeEmailSender()

    def arrived(self):
        return [(message.address.value, message.subject, message.text_body) for message in self.sender.taken]

    async def break_down(self):
        self.sender.break_down()


class FakeSmsRig:
    def __init__(self):
        self.sender = FakeSmsSender()

    def arrived(self):
        return [(message.number.value, message.text) for message in self.sender.taken]

    async def break_down(self):
        self.sender.break_down()


class TestFakeEmailSender(EmailSenderContract):
    @pytest.fixture
    async def rig(self):
        return FakeEmailRig()


class TestFakeSmsSender(SmsSenderContract):
    @pytest.fixture
    async def rig(self):
        return FakeSmsRig()
