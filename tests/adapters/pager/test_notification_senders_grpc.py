import grpc
import pytest
from adapters.pager.scripted_servers import ScriptedNotifier, a_status, serving_notifier
from contracts.notification_senders import ANA, PAGE, NotificationSendersContract

from pager_domain.pager.ports.email_sender import FateUnknown, NotNow, Refused
from pager_grpc.pager.notification_senders_grpc import GrpcNotificationSenders
from pager_grpc.runtime.channels import open_channel

STATUSES = {
    NotNow: a_status(grpc.StatusCode.UNAVAILABLE, "PROVIDER_DEFERRED"),
    Refused: a_status(grpc.StatusCode.FAILED_PRECONDITION, "MESSAGE_REFUSED"),
    FateUnknown: a_status(grpc.StatusCode.FAILED_PRECONDITION, "DELIVERY_FATE_UNKNOWN"),
}


class TestGrpcNotificationSenders(NotificationSendersContract):
    @pytest.fixture
    def notifier(self):
        return ScriptedNotifier()

    @pytest.fixture
    def say(self, notifier):
        return lambda answer: notifier.refusals.append(STATUSES[answer])

    @pytest.fixture
    def sent(self, notifier):
        return notifier.sent

    @pytest.fixture
    async def senders(self, notifier):
        async with serving_notifier(notifier) as port, open_channel(f"127.0.0.1:{port}") as channel:
            yield GrpcNotificationSenders(channel)


async def test_nobody_at_the_other_end_is_not_now_and_says_that_nobody_was_reached():
    async with open_channel("127.0.0.1:1") as channel:
        answer = await GrpcNotificationSenders(channel).send_email(ANA, "s", "b", PAGE, 1)
    assert isinstance(answer, NotNow)
    assert not answer.reached
