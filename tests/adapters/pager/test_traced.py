"""What traces stands around the use cases and before the ports: it changes nothing, and says no address and no word."""

import asyncio
from dataclasses import replace

import pytest
from builders import CHECKOUT, NOON, a_page, a_policy, an_application, raising
from contracts.monitored_services import MonitoredServicesContract
from contracts.traces import TracesContract
from fakes.escalation_policies import DOWN, FakeEscalationPolicies
from fakes.pager import FakePager
from fakes.tracing import A_CALLER, ANOTHER_CALLER, FakeTracing

from pager_domain.errors import StoreUnavailable
from pager_domain.pager.bundle_text import bundled
from pager_domain.pager.delivery import result_of
from pager_domain.pager.ports.email_sender import HandedOff, NotNow, Refused
from pager_domain.pager.ports.escalation_policy_repository import PolicyQuestion
from pager_domain.pager.ports.notification_outbox import Claim
from pager_grpc.pager.escalation_policies_traced import TracedEscalationPolicies
from pager_grpc.pager.monitored_services_traced import TracedMonitoredServices
from pager_grpc.pager.spans import committing, delivering, note_end
from pager_grpc.runtime.trace_context import current_traceparent


class TracedPager(FakePager):
    def __init__(self) -> None:
        super().__init__()
        self.store = TracedMonitoredServices(self.store, FakeTracing())


class TestTracedMonitoredServices(MonitoredServicesContract):
    @pytest.fixture
    async def pager(self):
        return TracedPager()


class TestFakeTraces(TracesContract):
    @pytest.fixture
    async def pager(self):
        return FakePager()


@pytest.fixture
def tracing():
    return FakeTracing()


async def committed(batch):
    return [current_traceparent.get() for _ in batch]


async def test_a_batch_is_a_child_of_its_first_traced_request_and_has_links_to_the_others(tracing):
    traced = [replace(raising(), traceparent=caller) for caller in (A_CALLER, ANOTHER_CALLER, A_CALLER)]
    [*_, current] = await committing(committed, tracing)([raising(), *traced])
    [span] = tracing.named("commit batch")
    assert (span.parent, span.links, span.attributes) == (A_CALLER, [ANOTHER_CALLER], {"pager.batch_size": 4})
    assert (current, span.ended) == (span.traceparent, 1)


async def test_a_batch_of_untraced_requests_has_no_span(tracing):
    assert await committing(committed, tracing)([raising()]) == [""]
    assert tracing.spans == []
    assert committing(committed, None) is committed


async def test_a_commit_that_fails_is_a_span_that_fails_without_words(tracing):
    async def failing(_):
        raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await committing(failing, tracing)([replace(raising(), traceparent=A_CALLER)])
    assert (tracing.spans[0].fault, tracing.spans[0].ended) == ("StoreUnavailable", 1)


async def test_whom_to_page_is_asked_within_the_span_of_the_first_level(tracing):
    pager, policies = FakePager(), FakeEscalationPolicies(a_policy())
    store = TracedMonitoredServices(pager.store, tracing)
    application = an_application(store, pager.outbox, TracedEscalationPolicies(policies, tracing))
    await application.handle([replace(raising("a"), traceparent=A_CALLER), raising("b")])
    await application.escalate_due(10)
    [level], [question] = tracing.named("notify level"), tracing.named("ask whom to page")
    assert (question.parent, question.attributes["pager.questions"], question.fault) == (level.traceparent, 2, "")
    assert current_traceparent.get() == "", "what comes after the step belongs to no trace"


async def test_a_policy_service_that_does_not_answer_is_a_question_that_failed(tracing):
    policies = FakeEscalationPolicies()
    policies.fault = DOWN

    async def ask():
        current_traceparent.set(A_CALLER)
        question = PolicyQuestion(CHECKOUT)
        return await TracedEscalationPolicies(policies, tracing).resolve([question])

    assert await asyncio.create_task(ask()) == [DOWN]
    assert tracing.spans[0].fault == "no usable answer"


@pytest.mark.parametrize(
    ("answer", "noted"),
    [
        (HandedOff("smtp", "id-1"), {"pager.outcome": "handed_off", "pager.provider": "smtp"}),
        (Refused("no such user person-1-1@example.com"), {"pager.outcome": "undeliverable"}),
        (NotNow("nobody there", reached=False), {"pager.outcome": "postponed", "pager.notifier_reached": False}),
    ],
)
def test_an_attempt_says_which_page_it_is_and_how_it_ended(tracing, answer, noted):
    claim = Claim(replace(a_page(), traceparent=A_CALLER), 2, is_wanted=True)
    with delivering(claim, tracing) as span:
        note_end(span, result_of(claim, answer))
    [seen] = tracing.spans
    assert (seen.parent, seen.ended) == (A_CALLER, 1)
    assert seen.attributes == noted | {
        "pager.incident_id": claim.notification.incident_id,
        "pager.monitored_service_id": "checkout",
        "pager.notification_id": claim.notification.notification_id,
        "pager.attempt": 2,
        "pager.pages": 1,
        "pager.channel": "email",
    }


def test_a_bundle_is_a_child_of_its_most_severe_page_and_has_links_to_the_traces_of_the_others(tracing):
    pages = [replace(a_page(1), traceparent=A_CALLER), a_page(3), replace(a_page(5), traceparent=ANOTHER_CALLER)]
    claim = Claim(bundled(pages, NOON), 1, is_wanted=True)
    with delivering(claim, tracing) as span:
        note_end(span, result_of(claim, Refused("too long")))
    [seen] = tracing.spans
    assert (seen.parent, seen.links) == (A_CALLER, [ANOTHER_CALLER])
    assert (seen.attributes["pager.pages"], seen.attributes["pager.outcome"]) == (3, "dissolved")


def test_a_page_of_no_trace_has_no_span(tracing):
    with delivering(Claim(a_page(), 1, is_wanted=True), tracing):
        assert current_traceparent.get() == ""
    assert tracing.spans == []
