"""Who would be paged, over the wire."""

from datetime import UTC, datetime, timedelta

import grpc
import pytest
from adapters.pager.running import kinds
from adapters.pager.scripted_servers import a_wire_level, a_wire_policy
from google.protobuf.duration_pb2 import Duration

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb

AT = datetime(2026, 3, 1, 3, tzinfo=UTC)


def a_question(service="checkout", **more):
    request = pb.PreviewEscalationRequest(monitored_service_id=service, **more)
    request.at_time.FromDatetime(AT)
    return request


async def test_pages_are_told_with_moment_level_and_target_and_nobody_is_paged(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1, people=1, seconds=300), a_wire_level(2, people=1, seconds=60))
    answer = await caller.stub.PreviewEscalation(a_question())
    told = [
        (page.page_time.ToDatetime(UTC) - AT, page.cycle, page.level, page.target.target_id) for page in answer.pages
    ]
    assert told == [(timedelta(0), 1, 1, "person-1-1"), (timedelta(minutes=5), 1, 2, "person-2-1")]
    assert kinds(answer.events) == ["opened", "level_notified", "level_notified", "escalation_exhausted"]
    assert answer.completed
    assert await caller.services() == []


async def test_an_acknowledgement_ends_the_story(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1, people=1, seconds=300), a_wire_level(2))
    answer = await caller.stub.PreviewEscalation(a_question(acknowledge_after=Duration(seconds=60)))
    assert [page.level for page in answer.pages] == [1]
    assert kinds(answer.events)[-1] == "acknowledged"


async def test_a_story_of_more_pages_than_an_answer_carries_is_told_in_part(caller):
    levels = [a_wire_level(number, people=50) for number in range(1, 21)]
    for target in (target for level in levels for target in level.targets):
        target.person_id, target.schedule_id = f"{'p' * 200}-{target.target_id}", "s" * 200
    caller.policy.answer = a_wire_policy(*levels, repeats=99)
    answer = await caller.stub.PreviewEscalation(a_question())
    assert (len(answer.pages), answer.completed) == (2_000, False)


async def test_a_policy_that_reaches_nobody_is_previewed_with_the_catch_all(caller):
    caller.policy.answer = a_wire_policy(policy_pb.ResolvedLevel())
    answer = await caller.stub.PreviewEscalation(a_question())
    assert [page.target.target_id for page in answer.pages] == ["catch-all"]
    assert answer.events[1].level_notified.policy_fault == "escalation policy 'shop' reaches nobody at the moment"


async def test_a_policy_service_that_is_away_is_told_as_that(caller):
    caller.policy.code = grpc.StatusCode.UNAVAILABLE
    fault = await caller.refused(caller.stub.PreviewEscalation(a_question()))
    assert (fault.code, fault.reason) == (grpc.StatusCode.UNAVAILABLE, "ERROR_REASON_POLICY_UNAVAILABLE")


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (a_question(service=""), "monitored_service_id"),
        (a_question(acknowledge_after=Duration(seconds=7 * 86400 + 1)), "acknowledge_after"),
        (a_question(acknowledge_after=Duration(seconds=-1)), "acknowledge_after"),
    ],
)
async def test_a_malformed_question_is_refused_by_field(caller, request_, field):
    fault = await caller.refused(caller.stub.PreviewEscalation(request_))
    assert (fault.code, fault.metadata.get("field")) == (grpc.StatusCode.INVALID_ARGUMENT, field), fault
