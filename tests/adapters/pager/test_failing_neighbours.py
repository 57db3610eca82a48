"""What the pager makes of a policy service and a notifier that fail, are slow or talk nonsense."""

import asyncio
import time

import grpc
import pytest
from adapters.pager.running import a_running_pager, kinds, lines
from adapters.pager.scripted_servers import a_status, a_wire_level, a_wire_policy

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb

CATCH_ALL = {"everybody@example.com": 1}
SOURCES = pb.IncidentEvent.LevelNotified.PolicySource


async def paged(caller) -> pb.IncidentEvent.LevelNotified:
    incident_id = (await caller.alert()).incident.incident_id
    timeline = await caller.until_line(incident_id, "notification_settled")
    return lines(timeline, "level_notified")[-1]


async def test_a_policy_service_that_never_answers_delays_a_page_by_its_deadline_at_most(database_url, tmp_path):
    async with a_running_pager(database_url, tmp_path, PAGER_POLICY_DEADLINE=0.5) as caller:
        caller.policy.silent = True
        began = time.monotonic()
        level = await paged(caller)
        assert time.monotonic() - began < 3
    assert level.policy_source == SOURCES.POLICY_SOURCE_CATCH_ALL
    assert "DEADLINE_EXCEEDED" in level.policy_fault
    assert caller.notifier.sent == CATCH_ALL


@pytest.mark.parametrize(
    "answer",
    [
        policy_pb.ResolvedEscalation(),
        policy_pb.ResolvedEscalation(policy_id="shop", revision=1),
        policy_pb.ResolvedEscalation(policy_id="shop\x00", revision=1, levels=[a_wire_level(1)]),
        a_wire_policy(*[a_wire_level(1)] * 21),
        a_wire_policy(a_wire_level(1, seconds=0.5)),
        a_wire_policy(a_wire_level(1), repeats=-1),
        a_wire_policy(policy_pb.ResolvedLevel(targets=[policy_pb.ResolvedTarget(target_id="x")])),
    ],
)
async def test_an_answer_of_the_policy_service_that_makes_no_sense_pages_the_catch_all(caller, answer):
    caller.policy.answer = answer
    level = await paged(caller)
    assert level.policy_source == SOURCES.POLICY_SOURCE_CATCH_ALL
    assert "makes no sense" in level.policy_fault


async def test_a_policy_that_reaches_nobody_at_any_level_pages_the_catch_all_and_says_so(caller):
    caller.policy.answer = a_wire_policy(policy_pb.ResolvedLevel(), policy_pb.ResolvedLevel())
    level = await paged(caller)
    assert level.policy_source == SOURCES.POLICY_SOURCE_CATCH_ALL
    assert level.policy_fault == "escalation policy 'shop' reaches nobody at the moment"


async def test_no_policy_at_all_pages_the_catch_all_and_says_so(caller):
    caller.policy.absent = True
    level = await paged(caller)
    assert level.policy_fault == "no escalation policy covers the service and there is no default"
    assert caller.notifier.sent == CATCH_ALL


async def test_a_policy_service_that_fails_after_a_good_answer_leaves_the_last_known_policy(caller):
    await paged(caller)
    await caller.healthy()
    caller.policy.code = grpc.StatusCode.INTERNAL
    level = await paged(caller)
    assert (level.policy_id, level.policy_source) == ("shop", SOURCES.POLICY_SOURCE_LAST_KNOWN)
    assert "INTERNAL" in level.policy_fault


async def test_the_wrong_number_of_answers_is_no_answer(caller):
    caller.policy.too_few = True
    assert "wrong number" in (await paged(caller)).policy_fault


async def test_a_level_without_people_is_skipped_with_a_line(caller):
    caller.policy.answer = a_wire_policy(policy_pb.ResolvedLevel(), a_wire_level(2, seconds=900))
    incident_id = (await caller.alert()).incident.incident_id
    timeline = await caller.until_line(incident_id, "level_notified")
    assert kinds(timeline)[:3] == ["opened", "level_skipped", "level_notified"]


def one_person(caller):
    caller.policy.answer = a_wire_policy(a_wire_level(1, people=1, seconds=900))


async def end_of_the_page(caller):
    incident_id = (await caller.alert()).incident.incident_id
    [end] = lines(await caller.until_line(incident_id, "notification_settled"), "notification_settled")
    return end


@pytest.mark.parametrize(
    ("reason", "outcome"),
    [
        ("MESSAGE_REFUSED", "OUTCOME_UNDELIVERABLE"),
        ("INVALID_FIELD", "OUTCOME_UNDELIVERABLE"),
        ("DELIVERY_FATE_UNKNOWN", "OUTCOME_IN_DOUBT"),
        ("REQUEST_ID_REUSED", "OUTCOME_IN_DOUBT"),
    ],
)
async def test_a_final_answer_of_the_notifier_ends_the_page(caller, reason, outcome):
    one_person(caller)
    answer = "no such user\x00\n" + "x" * 1000
    caller.notifier.refusals = [a_status(grpc.StatusCode.FAILED_PRECONDITION, reason, provider_answer=answer)]
    end = await end_of_the_page(caller)
    assert pb.IncidentEvent.NotificationSettled.Outcome.Name(end.outcome) == outcome
    assert end.reason == ("no such user  " + "x" * 1000)[:500]
    assert caller.notifier.sent == {}


@pytest.mark.parametrize(
    "refusal",
    [
        a_status(grpc.StatusCode.UNAVAILABLE, "PROVIDER_DEFERRED", retry_seconds=0.5),
        a_status(grpc.StatusCode.UNAVAILABLE, "PROVIDER_DEFERRED", retry_seconds=-1),
        a_status(grpc.StatusCode.UNAVAILABLE, "DELIVERY_IN_DOUBT"),
        a_status(grpc.StatusCode.ABORTED, "DELIVERY_IN_PROGRESS", retry_seconds=0.6),
        a_status(grpc.StatusCode.INTERNAL, "SOMETHING_NEW"),
    ],
    ids=["deferred", "nonsense pause", "in doubt", "in progress", "unknown"],
)
async def test_whatever_is_not_final_is_tried_again_under_the_same_id(caller, refusal):
    one_person(caller)
    caller.notifier.refusals = [refusal]
    end = await end_of_the_page(caller)
    assert end.outcome == pb.IncidentEvent.NotificationSettled.OUTCOME_HANDED_OFF
    assert (end.provider, end.provider_message_id) == ("scripted", "42")
    assert caller.notifier.asked == {"person-1-1@example.com": 2}
    assert list(caller.notifier.bodies) == [end.notification_id]


async def test_an_ok_without_a_delivery_is_no_proof_that_anything_was_sent(caller):
    one_person(caller)
    caller.notifier.garbage = True
    incident_id = (await caller.alert()).incident.incident_id
    async with asyncio.timeout(10):
        while not caller.notifier.asked:
            await caller.timeline(incident_id)
    caller.notifier.garbage = False
    timeline = await caller.until_line(incident_id, "notification_settled")
    assert lines(timeline, "notification_settled")[0].provider == "scripted"
