"""What is written of an incident by itself, and what as the same for all of its kind, is read as one."""

from datetime import timedelta

import pytest
from builders import NOON, a_policy, acknowledging, an_application, healing, raising
from fakes.escalation_policies import FakeEscalationPolicies

from pager_domain.pager.events import Link, Severity

EVERYTHING = {
    "severity": Severity.WARNING,
    "dedup_key": "disk",
    "details": "full",
    "links": (Link("https://runbook", "runbook"),),
    "occurred_at": NOON - timedelta(minutes=1),
}


@pytest.fixture
def application(pager):
    return an_application(pager.store, pager.outbox, FakeEscalationPolicies(a_policy()))


@pytest.mark.parametrize("more", [{}, EVERYTHING], ids=["nothing more", "everything"])
async def test_an_incident_is_read_as_it_was_answered_whatever_happened_in_the_batch_that_opened_it(
    pager, application, more
):
    batch = [raising("opened", **more), raising("answered", **more), raising("over", **more)]
    answers = await application.handle([*batch, acknowledging("answered"), healing("over")])
    opened, answered, over = answers[0], answers[3], answers[4]
    for answer in (opened, answered, over):
        assert await pager.views.incident(answer.incident.incident_id) == answer.incident
    assert opened.incident.is_untouched
    assert not answered.incident.is_untouched


async def test_services_that_nobody_knew_break_when_the_last_of_them_was_begun(pager, application):
    answers = await application.handle([raising(f"service-{number}") for number in range(50)])
    [begun] = await pager.execute("SELECT max(created_at) AS last FROM monitored_services")
    [opened] = {str(answer.incident.opened_at) for answer in answers}
    assert opened >= str(begun["last"])
