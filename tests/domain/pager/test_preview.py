"""Who would be paged: the story as production would tell it, without a store and without a page."""

from datetime import timedelta

import pytest
from builders import NOON, a_level_of, a_person, a_policy, a_target, after, an_alert, raising
from domain.pager.use_cases import Pager
from fakes.escalation_policies import ABSENT, DOWN, FakeEscalationPolicies

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.errors import PolicyUnavailable
from pager_domain.pager.events import EscalationExhausted, IncidentAcknowledged, LevelNotified, Severity
from pager_domain.pager.preview import MAX_PAGES, EscalationPreview, PreviewRequest

ANA = a_person("ana", (0, "ana/mail"), (2, "ana/phone"), every=5)
BEN = a_person("ben", (0, "ben/phone"))
CHECKOUT = MonitoredServiceId("checkout")


async def previewed(policies, acknowledged_after=None, **alert):
    request = PreviewRequest(CHECKOUT, an_alert(**alert), NOON, acknowledged_after)
    return await EscalationPreview(policies, [a_target(9)]).preview(request)


def told(preview):
    minutes = timedelta(minutes=1)
    return [((page.at - NOON) / minutes, page.level, page.target.contact_method_id) for page in preview.pages]


async def test_pages_are_told_at_their_moments_level_by_level():
    policies = FakeEscalationPolicies(a_policy(levels=[a_level_of(ANA, minutes=10), a_level_of(BEN)]))
    preview = await previewed(policies)
    assert told(preview) == [
        (0, 1, "ana/mail"),
        (2, 1, "ana/phone"),
        (7, 1, "ana/phone"),
        (10, 2, "ben/phone"),
    ]
    assert isinstance(preview.events[-1].what, EscalationExhausted)
    assert preview.complete


async def test_each_level_asks_for_the_people_of_its_own_moment():
    policies = FakeEscalationPolicies(a_policy(levels=[a_level_of(ANA, minutes=10), a_level_of(BEN)]))
    await previewed(policies)
    assert [question.at for question in policies.asked] == [NOON, after(minutes=10), after(minutes=25)]
    assert {question.incident_id for question in policies.asked} == {None}


async def test_an_acknowledgement_takes_back_what_is_still_to_come():
    policies = FakeEscalationPolicies(a_policy(levels=[a_level_of(ANA, minutes=10), a_level_of(BEN)]))
    preview = await previewed(policies, timedelta(minutes=5))
    assert told(preview) == [(0, 1, "ana/mail"), (2, 1, "ana/phone")]
    assert isinstance(preview.events[-1].what, IncidentAcknowledged)
    assert preview.complete


async def test_an_acknowledgement_at_the_moment_of_a_level_comes_first():
    policies = FakeEscalationPolicies(a_policy(levels=[a_level_of(ANA, minutes=10), a_level_of(BEN)]))
    preview = await previewed(policies, timedelta(minutes=10))
    assert [page.level for page in preview.pages] == [1, 1, 1]


async def test_without_a_policy_the_catch_all_is_previewed():
    policies = FakeEscalationPolicies()
    policies.fault = ABSENT
    preview = await previewed(policies)
    assert [page.target.target_id for page in preview.pages] == ["person-1-9"]


async def test_a_policy_service_that_is_down_gives_no_preview():
    policies = FakeEscalationPolicies()
    policies.fault = DOWN
    with pytest.raises(PolicyUnavailable, match="did not answer"):
        await previewed(policies)


async def test_a_story_too_long_is_told_in_part_and_says_so():
    policies = FakeEscalationPolicies(a_policy(levels=[a_level_of(BEN, minutes=1)] * 20, repeats=100))
    preview = await previewed(policies)
    assert (len(preview.pages), preview.complete) == (500, False)


async def test_a_story_of_many_pages_is_told_in_part_and_says_so():
    crowd = [a_person(f"person-{number}", (0, f"person-{number}/mail")) for number in range(50)]
    told_whole = await previewed(FakeEscalationPolicies(a_policy(levels=[a_level_of(*crowd)] * 20, repeats=1)))
    assert (len(told_whole.pages), told_whole.complete) == (MAX_PAGES, True)
    told_in_part = await previewed(FakeEscalationPolicies(a_policy(levels=[a_level_of(*crowd)] * 20, repeats=2)))
    assert (told_in_part.pages, told_in_part.complete) == (told_whole.pages, False)


async def test_an_acknowledgement_counts_however_many_pages_come_before_it():
    crowd = [a_person(f"person-{number}", (0, f"person-{number}/mail"), every=1) for number in range(50)]
    policies = FakeEscalationPolicies(a_policy(levels=[a_level_of(*crowd, minutes=60)]))
    preview = await previewed(policies, timedelta(minutes=5))
    assert len(preview.pages) > 0
    assert max(page.at for page in preview.pages) < after(minutes=5)
    assert preview.complete


@pytest.mark.parametrize("after_how_long", [timedelta(seconds=-1), timedelta(days=7, seconds=1)])
def test_an_acknowledgement_too_early_or_late_is_refused(after_how_long):
    with pytest.raises(InvalidField, match="acknowledge_after"):
        PreviewRequest(CHECKOUT, an_alert(), NOON, after_how_long)


async def test_production_does_what_was_previewed():
    pager = Pager()
    pager.policies = FakeEscalationPolicies(a_policy(levels=[a_level_of(ANA, BEN, minutes=10), a_level_of(BEN)]))
    pager.application._policies = pager.policies
    preview = await previewed(pager.policies, severity=Severity.ERROR)
    await pager.granted(raising(severity=Severity.ERROR))
    for _ in range(3):
        await pager.time_passes(0)
        await pager.time_passes(10 * 60)
    planned = [event.what for event in preview.events if isinstance(event.what, LevelNotified)]
    assert planned == pager.said(LevelNotified)
