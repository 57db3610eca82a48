from fakes.notifier_builders import BUDGET, an_email
from fakes.notifier_email_sender import FakeEmailSender

from pager_domain.kernel import CANARY_ADDRESS
from pager_domain.notifier.model import Accepted
from pager_grpc.notifier.canary_sink import CanarySink


async def test_the_canary_is_taken_and_sent_nowhere_and_everybody_else_is_sent():
    real = FakeEmailSender()
    sink = CanarySink(real)
    assert await sink.send_email(an_email(to=CANARY_ADDRESS), BUDGET) == Accepted("canary")
    assert real.taken == []
    await sink.send_email(an_email(), BUDGET)
    assert real.taken == [an_email()]
    assert sink.provider == real.provider
