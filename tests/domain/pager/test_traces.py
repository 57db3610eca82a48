"""Whose trace an incident belongs to: that of the request which made it due last. No rule looks into it."""

from dataclasses import replace

import pytest
from builders import a_policy, acknowledging, escalating, healing, raising, reassigning, snoozing
from domain.pager.use_cases import Pager

from pager_domain.pager.interventions import Assignee, AssigneeKind

FIRST, SECOND = (f"00-{'a' * 32}-{digit * 16}-01" for digit in "12")


@pytest.fixture
def pager():
    return Pager()


async def follows(pager, request) -> str:
    """The trace of the incident after ``request``, which belongs to the second trace."""
    await pager.granted(replace(request, traceparent=SECOND))
    return pager.incident().traceparent


async def test_an_incident_belongs_to_the_trace_of_the_alert_that_opens_it(pager):
    await pager.granted(replace(raising(), traceparent=FIRST))
    assert pager.incident().traceparent == FIRST
    assert pager.store.state.services["checkout"].incident == pager.incident()


@pytest.mark.parametrize("request_", [raising(), raising(message="other"), acknowledging(), snoozing()])
async def test_what_makes_nothing_due_leaves_it_there(pager, request_):
    await pager.granted(replace(raising(), traceparent=FIRST))
    assert await follows(pager, request_) == FIRST


@pytest.mark.parametrize("request_", [escalating(), reassigning(Assignee(AssigneeKind.PERSON, "ben"))])
async def test_whoever_makes_the_next_level_due_takes_it_over(pager, request_):
    await pager.granted(replace(raising(), traceparent=FIRST))
    await pager.time_passes(1)
    assert await follows(pager, request_) == SECOND


async def test_an_alert_that_reopens_it_takes_it_over(pager):
    pager.policies.default = replace(a_policy(), reopen_window=a_policy().levels[0].acknowledgement_timeout)
    await pager.granted(replace(raising(), traceparent=FIRST))
    await pager.time_passes(1)
    await pager.granted(healing())
    assert await follows(pager, raising()) == SECOND


async def test_an_untraced_request_takes_nothing_over(pager):
    await pager.granted(replace(raising(), traceparent=FIRST))
    await pager.time_passes(1)
    await pager.granted(escalating())
    assert pager.incident().traceparent == FIRST


def test_a_repeat_of_a_request_is_the_same_in_whatever_trace():
    assert replace(raising(), traceparent=FIRST).fingerprint == replace(raising(), traceparent=SECOND).fingerprint
