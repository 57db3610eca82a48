"""ResolveEscalation and CheckReachability with people and schedules, over a real server on both engines."""

import grpc
import pytest
from adapters.scraping import scraping, series
from contracts.resolving import always_on_call, reachable
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_domain.policy.people import PEOPLE
from pager_domain.policy.schedules import SCHEDULES
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as pb_grpc
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.metrics import Metrics

INVALID = grpc.StatusCode.INVALID_ARGUMENT
ANA = pb.NotificationTarget(person=pb.PersonTarget(person_id="ana"))
BEN = pb.NotificationTarget(target_id="second", person=pb.PersonTarget(person_id="ben"))
DUTY = pb.NotificationTarget(schedule=pb.ScheduleTarget(schedule_id="duty"))
ROUND_ROBIN = pb.EscalationLevel.SELECTION_ROUND_ROBIN


def a_policy(*levels, **more):
    return pb.EscalationPolicy(policy_id="shop", monitored_service_ids=["checkout"], levels=levels, **more)


@pytest.fixture(autouse=True)
async def team(database):
    """Ana, Ben, and a schedule on which Ana always is on call."""

    async def fill(unit):
        now = await unit.now()
        for kind, definition in (
            (PEOPLE, reachable("ana")),
            (PEOPLE, reachable("ben")),
            (SCHEDULES, always_on_call("duty", "ana")),
        ):
            await unit.save_entry(kind, kind.made(definition, 1, now, now))

    await SqlPolicyStore(database).atomically(fill)


@pytest.fixture
def create(stub):
    async def created(policy):
        answer = await stub.CreateEscalationPolicy(pb.CreateEscalationPolicyRequest(escalation_policy=policy))
        return answer.escalation_policy

    return created


@pytest.fixture
def resolve(stub):
    async def resolved(**question):
        request = pb.ResolveEscalationRequest(**({"monitored_service_id": "checkout"} | question))
        return (await stub.ResolveEscalation(request)).resolved_escalation

    return resolved


async def fault_in(call):
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await call
    return fault_of(refused.value)


async def test_targets_are_called_by_the_id_of_what_they_name_unless_said(create):
    created = await create(a_policy(pb.EscalationLevel(targets=[ANA, BEN, DUTY])))
    assert [target.target_id for target in created.levels[0].targets] == ["ana", "second", "duty"]


async def test_what_a_policy_says_comes_back(create, resolve):
    spans = {"acknowledgement_expiry": Duration(seconds=14_400), "reopen_window": Duration(seconds=300)}
    created = await create(a_policy(pb.EscalationLevel(targets=[ANA, BEN], selection=ROUND_ROBIN), **spans))
    assert created.levels[0].selection == ROUND_ROBIN
    assert {name: getattr(created, name) for name in spans} == spans
    resolved = await resolve()
    assert {name: getattr(resolved, name) for name in spans} == spans


async def test_whoever_is_on_call_is_resolved_with_the_reason_and_the_way(create, resolve):
    await create(a_policy(pb.EscalationLevel(targets=[DUTY, BEN])))
    [level] = (await resolve()).levels
    first, second = level.targets
    assert (first.target_id, first.person_id, first.schedule_id, first.layer_id) == ("duty", "ana", "duty", "always")
    assert (second.target_id, second.person_id, second.schedule_id) == ("second", "ben", "")
    [step] = first.high_urgency_rule.steps
    assert (step.contact_method_id, step.email.email_address) == ("mail", "ana@example.com")
    assert first.low_urgency_rule == first.high_urgency_rule


async def test_whoever_waits_for_a_turn_is_told(create, resolve):
    await create(a_policy(pb.EscalationLevel(targets=[ANA, BEN], selection=ROUND_ROBIN)))
    [level] = (await resolve(incident_id="i-1")).levels
    assert [target.person_id for target in level.targets] == ["ana"]
    [waiting] = level.unreached
    assert (waiting.target_id, waiting.person_id, waiting.reason) == (
        "second",
        "ben",
        pb.UnreachedTarget.REASON_NOT_ITS_TURN,
    )
    [level] = (await resolve(incident_id="i-2")).levels
    assert [target.person_id for target in level.targets] == ["ben"]


async def test_a_policy_by_its_id_a_person_and_a_forecast_can_be_asked_for(create, resolve, stub):
    await create(a_policy(pb.EscalationLevel(targets=[DUTY])))
    request = pb.ResolveEscalationRequest(policy_id="shop", forecast=Duration(seconds=172_800))
    resolved = (await stub.ResolveEscalation(request)).resolved_escalation
    assert (resolved.policy_id, list(resolved.levels[0].later_targets)) == ("shop", [])
    person = (await stub.ResolveEscalation(pb.ResolveEscalationRequest(person_id="ben"))).resolved_escalation
    assert (person.policy_id, person.levels[0].targets[0].person_id) == ("person/ben", "ben")
    batch = pb.BatchResolveEscalationsRequest(requests=[pb.ResolveEscalationRequest(person_id="eve"), request])
    [unknown, known] = (await stub.BatchResolveEscalations(batch)).results
    assert unknown.error_reason == pb.ERROR_REASON_PERSON_UNKNOWN
    assert known.resolved_escalation == resolved


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ResolveEscalationRequest(policy_id=""), "policy_id"),
        (pb.ResolveEscalationRequest(person_id="x" * 256), "person_id"),
        (pb.ResolveEscalationRequest(policy_id="a", forecast=Duration(seconds=172_801)), "forecast"),
        (pb.ResolveEscalationRequest(policy_id="a", forecast=Duration(seconds=-1)), "forecast"),
        (pb.ResolveEscalationRequest(policy_id="a", incident_id="x" * 256), "incident_id"),
        (pb.ResolveEscalationRequest(policy_id="a", at_time=Timestamp(seconds=2**36)), "at_time"),
    ],
)
async def test_a_question_that_cannot_be_read_names_its_field(stub, request_, field):
    fault = await fault_in(stub.ResolveEscalation(request_))
    assert (fault.code, fault.metadata["field"]) == (INVALID, field)


@pytest.mark.parametrize(
    ("policy", "field"),
    [
        (a_policy(pb.EscalationLevel(targets=[ANA], selection=7)), "levels[0].selection"),
        (
            a_policy(pb.EscalationLevel(targets=[pb.NotificationTarget(person=pb.PersonTarget())])),
            "levels[0].targets[0].person.person_id",
        ),
        (
            a_policy(pb.EscalationLevel(targets=[ANA], acknowledgement_timeout=Duration(seconds=1, nanos=-1))),
            "levels[0].acknowledgement_timeout",
        ),
        (
            a_policy(pb.EscalationLevel(targets=[ANA]), acknowledgement_expiry=Duration(seconds=59)),
            "acknowledgement_expiry",
        ),
        (a_policy(pb.EscalationLevel(targets=[ANA]), reopen_window=Duration(seconds=86_401)), "reopen_window"),
        (pb.EscalationPolicy(policy_id="person/ana", levels=[pb.EscalationLevel(targets=[ANA])]), "policy_id"),
    ],
)
async def test_a_policy_that_cannot_be_names_its_field(create, policy, field):
    fault = await fault_in(create(policy))
    assert (fault.code, fault.metadata["field"]) == (INVALID, f"escalation_policy.{field}")


async def test_a_policy_that_names_nobody_there_is_is_refused_with_the_place(create):
    eve = pb.NotificationTarget(person=pb.PersonTarget(person_id="eve"))
    fault = await fault_in(create(a_policy(pb.EscalationLevel(targets=[ANA, eve]))))
    assert (fault.code, fault.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_TARGET_UNKNOWN")
    assert fault.metadata["field"] == "levels[0].targets[1].person_id"
    assert fault.metadata["named_id"] == "eve"


async def test_what_would_keep_pages_from_somebody_is_found(stub, create):
    await create(a_policy(pb.EscalationLevel(targets=[DUTY])))
    found = await stub.CheckReachability(pb.CheckReachabilityRequest(horizon=Duration(seconds=86_400)))
    assert (found.checked_policy_count, found.unreached_service_count, found.omitted_count) == (1, 0, 0)
    alone, one_channel = found.findings
    assert (alone.kind, alone.severity) == (
        pb.ReachabilityFinding.KIND_SINGLE_POINT_OF_FAILURE,
        pb.ReachabilityFinding.SEVERITY_WARNING,
    )
    assert alone.end_time.seconds - alone.start_time.seconds == 86_400
    assert one_channel.kind == pb.ReachabilityFinding.KIND_ONE_CHANNEL
    assert await stub.CheckReachability(pb.CheckReachabilityRequest(policy_id="shop")) != found


@pytest.mark.parametrize(
    ("request_", "code", "field"),
    [
        (pb.CheckReachabilityRequest(horizon=Duration(seconds=3599)), INVALID, "horizon"),
        (pb.CheckReachabilityRequest(horizon=Duration(seconds=92 * 86_400 + 1)), INVALID, "horizon"),
        (pb.CheckReachabilityRequest(policy_id="x" * 256), INVALID, "policy_id"),
        (pb.CheckReachabilityRequest(policy_id="none"), grpc.StatusCode.NOT_FOUND, None),
    ],
)
async def test_a_check_that_cannot_be_made_is_refused(stub, request_, code, field):
    fault = await fault_in(stub.CheckReachability(request_))
    assert (fault.code, fault.metadata.get("field")) == (code, field)


async def test_services_that_would_reach_nobody_are_a_metric(database):
    dan = reachable("dan").verified_as(None)

    async def fill(unit):
        now = await unit.now()
        await unit.save_entry(PEOPLE, PEOPLE.made(dan, 1, now, now))

    await SqlPolicyStore(database).atomically(fill)
    policy = a_policy(pb.EscalationLevel(targets=[pb.NotificationTarget(person=pb.PersonTarget(person_id="dan"))]))
    policy.default_policy = True
    metrics = Metrics()
    settings = PolicySettings(POLICY_LISTEN="127.0.0.1:0", POLICY_METRICS_LISTEN="127.0.0.1:0")
    async with running_policy(settings, database=database) as port, open_channel(f"127.0.0.1:{port}") as channel:
        request = pb.CreateEscalationPolicyRequest(escalation_policy=policy)
        await pb_grpc.PolicyServiceStub(channel).CreateEscalationPolicy(request)
    async with running_policy(settings, database=database, metrics=metrics), scraping(metrics) as scraper:
        found = await scraper.until(lambda values: values[series("policy_unreached_services")] >= 0)
    assert found[series("policy_unreached_services")] == 2
