"""A span for each time that a provider is asked: what it answered, not what it said."""

import asyncio
from dataclasses import replace
from functools import partial

import pytest
from fakes.notifier_builders import BUDGET, NOON, an_email, an_sms
from fakes.notifier_email_sender import FakeEmailSender
from fakes.notifier_sms_sender import FakeSmsSender
from fakes.tracing import A_CALLER, A_TRACE, FakeTracing
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.testing import capture_logs

from pager_domain.access.principal import Principal, Role
from pager_domain.notifier.errors import MessageRefused
from pager_domain.notifier.model import Accepted, HandOffRequest, Refused, begin
from pager_grpc.access.principal import act_as
from pager_grpc.gen.notifier.v1 import notifier_service_pb2 as pb
from pager_grpc.notifier.attempts import ToldAttempts
from pager_grpc.notifier.senders_traced import TracedEmailSender, TracedSmsSender
from pager_grpc.runtime.log_context import add_ids
from pager_grpc.runtime.trace_context import current_traceparent


@pytest.fixture
def tracing():
    return FakeTracing()


async def in_a_trace(work):
    async def traced():
        current_traceparent.set(A_CALLER)
        return await work

    return await asyncio.create_task(traced())


async def test_what_a_provider_takes_is_a_span_with_its_name(tracing):
    sender = TracedEmailSender(FakeEmailSender(), tracing)
    assert await in_a_trace(sender.send_email(an_email(), BUDGET)) == Accepted("fake-1")
    [span] = tracing.spans
    assert (span.name, span.parent, span.fault, span.ended) == ("ask fake-email", A_CALLER, "", 1)
    assert span.attributes == {"pager.provider": "fake-email", "pager.answer": "Accepted"}


async def test_what_a_provider_refuses_is_a_span_that_failed_without_its_words(tracing):
    sender = TracedSmsSender(FakeSmsSender(Refused("+4915112345678 is no number")), tracing)
    await in_a_trace(sender.send_sms(an_sms(), BUDGET))
    [span] = tracing.spans
    assert (span.fault, span.attributes["pager.answer"]) == ("Refused", "Refused")
    assert "4915" not in str(vars(span))


async def test_a_provider_that_breaks_down_is_a_span_that_failed_by_the_name_of_the_fault(tracing):
    sender = TracedEmailSender(FakeEmailSender(OSError("ana@example.com is not there")), tracing)
    with pytest.raises(OSError, match="not there"):
        await in_a_trace(sender.send_email(an_email(), BUDGET))
    assert (tracing.spans[0].fault, tracing.spans[0].ended) == ("OSError", 1)
    assert "example.com" not in str(vars(tracing.spans[0]))


async def test_a_message_belongs_to_the_trace_that_it_names_whatever_stream_brought_it(tracing):
    async def refusing():
        assert current_traceparent.get() == tracing.spans[0].traceparent
        raise MessageRefused("page-1", "smtp", "no such user")

    with pytest.raises(MessageRefused):
        await ToldAttempts(tracing).told(pb.SendEmailRequest(request_id="page-1"), refusing, A_CALLER)
    [span] = tracing.spans
    assert (span.name, span.parent, span.fault) == ("send message", A_CALLER, "MessageRefused")


async def lines_of(*attempts, tracing=None, traceparent=""):
    """What is told of attempts that end together, each (request id, count of its attempts)."""
    told = ToldAttempts(tracing).told

    async def taken(request_id, count):
        return replace(begin(None, HandOffRequest(an_email(request_id), "fake", count), NOON), attempt_count=count)

    with capture_logs(processors=[add_ids]) as lines:
        await asyncio.gather(
            *(told(pb.SendEmailRequest(request_id=name), partial(taken, name, n), traceparent) for name, n in attempts)
        )
        await asyncio.sleep(0)  # lines that are told together are written in the next turn
    return lines


async def test_messages_that_were_handed_over_together_share_a_line_and_repeats_have_their_own():
    repeated, together = await lines_of(("page-1", 1), ("page-2", 2), ("page-3", 1))
    assert (repeated["event"], repeated["request_id"], repeated["attempt"]) == ("message_handed_over", "page-2", 2)
    assert (together["event"], together["request_ids"]) == ("messages_handed_over", ["page-1", "page-3"])
    assert (together["messages"], together["provider"]) == (2, "fake")


async def test_messages_that_others_asked_for_are_told_in_their_own_lines():
    told = ToldAttempts().told

    async def asked(caller, page):
        async def taken():
            return begin(None, HandOffRequest(an_email(page), "fake", 1), NOON)

        bind_contextvars(principal=caller)
        act_as(Principal(caller, Role.SERVICE))
        await told(pb.SendEmailRequest(request_id=page), taken)

    calls = ("service:pager", "page-1"), ("jwt:ana", "page-2"), ("service:pager", "page-3")
    with capture_logs(processors=[merge_contextvars, add_ids]) as lines:
        await asyncio.gather(*(asked(*call) for call in calls))
        await asyncio.sleep(0)
    together, alone = lines
    assert (together["principal"], together["request_ids"]) == ("service:pager", ["page-1", "page-3"])
    assert (alone["principal"], alone["request_id"]) == ("jwt:ana", "page-2")


async def test_a_message_that_was_handed_over_alone_or_in_a_trace_has_a_line_of_its_own(tracing):
    [alone] = await lines_of(("page-1", 1))
    assert (alone["event"], alone["request_id"], alone["attempt"]) == ("message_handed_over", "page-1", 1)
    traced = await lines_of(("page-1", 1), ("page-2", 1), tracing=tracing, traceparent=A_CALLER)
    assert [(line["event"], line["request_id"]) for line in traced] == [
        ("message_handed_over", "page-1"),
        ("message_handed_over", "page-2"),
    ]
    assert {line["trace_id"] for line in traced} == {A_TRACE}
