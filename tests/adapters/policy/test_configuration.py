"""Configuration as code, over SQL and over the wire."""

import grpc
import pytest
from contracts.configuration import ConfigurationContract

from pager_grpc.gen.policy.v1 import configuration_service_pb2 as pb
from pager_grpc.gen.policy.v1 import people_service_pb2 as people
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policies
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as schedules
from pager_grpc.gen.policy.v1.configuration_service_pb2_grpc import ConfigurationServiceStub
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.runtime.errors import fault_of

Change = pb.ConfigurationChange


class TestSqlConfiguration(ConfigurationContract):
    @pytest.fixture
    def store(self, database):
        return SqlPolicyStore(database)


def a_request(**more):
    ana = people.Person(
        person_id="ana",
        contact_methods=[people.ContactMethod(contact_method_id="mail", email_address="ana@example.com")],
    )
    rotation = schedules.Rotation(
        person_ids=["ana"], unit=schedules.Rotation.UNIT_WEEK, start_local_time="2026-11-02T09:00"
    )
    primary = schedules.Schedule(
        schedule_id="primary", time_zone="Europe/Berlin", layers=[schedules.Layer(layer_id="weekly", rotation=rotation)]
    )
    target = policies.NotificationTarget(schedule=policies.ScheduleTarget(schedule_id="primary"))
    shop = policies.EscalationPolicy(policy_id="shop", levels=[policies.EscalationLevel(targets=[target])])
    return pb.ApplyConfigurationRequest(people=[ana], schedules=[primary], escalation_policies=[shop], **more)


@pytest.fixture
def apply(channel):
    return ConfigurationServiceStub(channel).ApplyConfiguration


async def test_a_configuration_is_applied_and_told(apply, channel):
    planned = await apply(a_request(validated_only=True))
    applied = await apply(a_request(base_etag=planned.base_etag))
    assert applied == planned
    assert [(change.kind, change.object_id, change.action) for change in applied.changes] == [
        (Change.KIND_PERSON, "ana", Change.ACTION_CREATED),
        (Change.KIND_SCHEDULE, "primary", Change.ACTION_CREATED),
        (Change.KIND_ESCALATION_POLICY, "shop", Change.ACTION_CREATED),
    ]
    [duty] = applied.duty_changes
    assert (duty.person_id, duty.current_duty.seconds) == ("ana", 0)
    assert 0 < duty.planned_duty.seconds <= 7 * 86400
    again = await apply(a_request())
    assert (list(again.changes), again.unchanged_count) == ([], 3)
    stub = PolicyServiceStub(channel)
    stored = await stub.GetEscalationPolicy(policies.GetEscalationPolicyRequest(policy_id="shop"))
    assert stored.escalation_policy.revision == 1


async def test_what_differs_is_named_and_what_is_gone_is_deleted(apply):
    await apply(a_request())
    moved = a_request(pruned=True)
    moved.people[0].contact_methods[0].email_address = "ana@example.org"
    del moved.escalation_policies[:]
    changes = (await apply(moved)).changes
    assert [(change.object_id, change.action, list(change.fields)) for change in changes] == [
        ("ana", Change.ACTION_UPDATED, ["contact_methods"]),
        ("shop", Change.ACTION_DELETED, []),
    ]


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    return fault_of(error.value)


async def test_a_malformed_field_is_refused_with_its_path_and_nothing_is_stored(apply):
    request = a_request()
    request.people[0].contact_methods[0].email_address = "ana"
    fault = await refused(apply(request))
    assert fault.code is grpc.StatusCode.INVALID_ARGUMENT
    assert fault.metadata["field"] == "people[0].contact_methods[0].email_address"
    assert len((await apply(a_request(validated_only=True))).changes) == 3


async def test_a_stale_plan_is_refused(apply):
    planned = await apply(a_request(validated_only=True))
    await apply(a_request())
    fault = await refused(apply(a_request(base_etag=planned.base_etag)))
    assert (fault.code, fault.reason) == (grpc.StatusCode.ABORTED, "ERROR_REASON_CONFIGURATION_STALE")


async def test_who_is_named_must_be_there(apply):
    request = a_request()
    del request.people[:]
    fault = await refused(apply(request))
    assert (fault.code, fault.reason) == (grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PERSON_UNKNOWN")
