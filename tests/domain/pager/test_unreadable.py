"""The key of the stored addresses is lost: somebody is paged all the same, and nothing ends in silence."""

from dataclasses import replace
from datetime import timedelta

import pytest
from builders import CATCH_ALL, NOON, a_page, a_policy, a_service, a_timeout, an_application, an_incident
from fakes.senders import FakeSenders

from pager_domain.kernel import EmailTarget, SealedAddress, SmsTarget, TargetId
from pager_domain.pager.events import LevelNotified, Outcome, PolicySource
from pager_domain.pager.levels import addresses
from pager_domain.pager.model import EscalationPolicy
from pager_domain.pager.policy_choice import chosen_policy
from pager_domain.pager.ports.escalation_policy_repository import NoPolicy
from pager_domain.pager.ports.notification_outbox import Claim
from pager_domain.pager.service import PagerService

MAIL, SMS = EmailTarget(TargetId("ana"), SealedAddress("gA")), SmsTarget(TargetId("ben"), SealedAddress("gB"))
LOST = EscalationPolicy("shop", 1, (addresses([CATCH_ALL]), addresses([CATCH_ALL, SMS])))
SHOP = a_policy("shop", levels=2)
DOWN = NoPolicy("the policy service did not answer", passing=True)
ABSENT = NoPolicy("no policy covers the service", passing=False)


def choice(answer, *, pinned=None, known=None):
    return chosen_policy(an_incident(policy=pinned), answer, known and (known, NOON), (CATCH_ALL,), NOON)


@pytest.mark.parametrize(
    ("pinned", "answer", "known", "source", "policy_id"),
    [
        (LOST, SHOP, None, PolicySource.CURRENT, "shop"),
        (LOST, a_policy("new"), None, PolicySource.CURRENT, "new"),
        (LOST, DOWN, SHOP, PolicySource.LAST_KNOWN, "shop"),
        (LOST, DOWN, LOST, PolicySource.CATCH_ALL, ""),
        (LOST, ABSENT, SHOP, PolicySource.CATCH_ALL, ""),
        (None, DOWN, LOST, PolicySource.CATCH_ALL, ""),
    ],
)
def test_a_policy_that_cannot_be_read_is_asked_for_then_the_catch_all_is_paged(
    pinned, answer, known, source, policy_id
):
    resolved = choice(answer, pinned=pinned, known=known)
    assert (resolved.source, resolved.policy.policy_id) == (source, policy_id)
    assert resolved.policy.is_readable


@pytest.mark.parametrize("answer", [DOWN, ABSENT, a_policy("new")])
def test_whoever_stands_in_begins_at_the_first_level(answer):
    incident = an_incident(policy=LOST, cycle=1, level=2, next_escalation_at=NOON, acknowledgement_due_at=NOON)
    change = PagerService.on_timeout(a_service(incident=incident), a_timeout(), choice(answer, pinned=LOST))
    [notified] = [event.what for event in change.events]
    assert isinstance(notified, LevelNotified)
    assert (notified.cycle, notified.level) == (2, 1)
    assert change.notifications


@pytest.mark.parametrize("target", [MAIL, SMS])
async def test_a_page_that_nobody_can_address_is_never_handed_off_and_ends_with_a_reason(target):
    senders = FakeSenders()
    application = an_application(None, None, senders=senders)
    claim = Claim(replace(a_page(), target=target), 1, is_wanted=True, age=timedelta(minutes=2))
    result = await application.attempt(claim)
    assert (result.outcome, senders.sent) == (Outcome.UNDELIVERABLE, {})
    assert "sealed" in result.events[0].reason
