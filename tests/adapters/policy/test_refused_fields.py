"""A field that is refused is named with its whole path, and its limit."""

import pytest
from adapters.policy.policies import a_level, a_phone, a_policy, a_target, revision, service
from adapters.policy.refusals import INVALID, refusal
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb

EMAIL_LIMIT = "must be an e-mail address like ana@example.com, at most 254 bytes"
PHONE_LIMIT = "must be an E.164 phone number like +4915112345678"
TIMEOUT_LIMIT = "must be 1 second to 24 hours"
LONG = "x" * 256


@pytest.mark.parametrize(
    ("policy", "field", "limit"),
    [
        (a_policy(""), "policy_id", "is required"),
        (a_policy(LONG), "policy_id", "must be at most 255 bytes"),
        (a_policy("a\x00b"), "policy_id", "must not contain control characters"),
        (a_policy(display_name="é" * 128), "display_name", "must be at most 255 bytes"),
        (pb.EscalationPolicy(policy_id="shop"), "levels", "must be 1 to 20"),
        (a_policy(levels=[a_level()] * 21), "levels", "must be 1 to 20"),
        (a_policy(repeat_count=101), "repeat_count", "must be 0 to 100"),
        (a_policy(repeat_count=-1), "repeat_count", "must be 0 to 100"),
        (a_policy("shop", "a", LONG), "monitored_service_ids[1]", "must be at most 255 bytes"),
        (a_policy("shop", "a", "a"), "monitored_service_ids[1]", "must not name a service twice"),
        (a_policy("shop", *map(str, range(10_001))), "monitored_service_ids", "must be at most 10000"),
        (a_policy(levels=[a_level(), pb.EscalationLevel()]), "levels[1].targets", "must be 1 to 50"),
        (
            a_policy(levels=[a_level(*(a_target(str(n), f"{n}@example.com") for n in range(51)))]),
            "levels[0].targets",
            "must be 1 to 50",
        ),
        (
            a_policy(levels=[a_level(a_target(), a_target())]),
            "levels[0].targets",
            "must not name the same target_id twice",
        ),
        (
            a_policy(levels=[a_level(a_target(), a_target("b"))]),
            "levels[0].targets",
            "must not name the same address twice",
        ),
        (a_policy(levels=[a_level(a_target(""))]), "levels[0].targets[0].target_id", "is required"),
        (
            a_policy(levels=[a_level(pb.NotificationTarget(target_id="ana"))]),
            "levels[0].targets[0].address",
            "must be an email, an sms, a person or a schedule target",
        ),
        (
            a_policy(levels=[a_level(), a_level(), a_level(a_target(address="ana"))]),
            "levels[2].targets[0].email.email_address",
            EMAIL_LIMIT,
        ),
        (
            a_policy(levels=[a_level(a_target(), a_phone(number="0151"))]),
            "levels[0].targets[1].sms.phone_number",
            PHONE_LIMIT,
        ),
        (
            a_policy(levels=[a_level(acknowledgement_timeout=Duration(seconds=86_401))]),
            "levels[0].acknowledgement_timeout",
            TIMEOUT_LIMIT,
        ),
        (
            a_policy(levels=[a_level(acknowledgement_timeout=Duration())]),
            "levels[0].acknowledgement_timeout",
            TIMEOUT_LIMIT,
        ),
    ],
)
async def test_a_field_that_is_refused_is_named_with_its_whole_path(stub, policy, field, limit):
    path = f"escalation_policy.{field}"
    async with refusal(INVALID, "INVALID_FIELD", field=path, limit=limit):
        await stub.CreateEscalationPolicy(pb.CreateEscalationPolicyRequest(escalation_policy=policy))


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("CreateEscalationPolicy", pb.CreateEscalationPolicyRequest(), "escalation_policy.policy_id"),
        ("UpdateEscalationPolicy", pb.UpdateEscalationPolicyRequest(escalation_policy=a_policy()), "etag"),
        ("DeleteEscalationPolicy", pb.DeleteEscalationPolicyRequest(etag="e"), "policy_id"),
        ("DeleteEscalationPolicy", pb.DeleteEscalationPolicyRequest(policy_id="shop"), "etag"),
        ("GetEscalationPolicy", pb.GetEscalationPolicyRequest(), "policy_id"),
        ("ListEscalationPolicies", pb.ListEscalationPoliciesRequest(page_size=1001), "page_size"),
        ("ListEscalationPolicies", pb.ListEscalationPoliciesRequest(page_size=-1), "page_size"),
        ("ListEscalationPolicies", pb.ListEscalationPoliciesRequest(page_token="made-up"), "page_token"),
        ("ResolveEscalation", pb.ResolveEscalationRequest(), "subject"),
        ("ResolveEscalation", service(""), "monitored_service_id"),
        ("ResolveEscalation", revision("shop", 0), "policy_revision.revision"),
        ("ResolveEscalation", revision("", 1), "policy_revision.policy_id"),
        (
            "ResolveEscalation",
            pb.ResolveEscalationRequest(monitored_service_id="a", at_time=Timestamp(seconds=2**60)),
            "at_time",
        ),
        (
            "BatchResolveEscalations",
            pb.BatchResolveEscalationsRequest(requests=[service("a"), service(LONG)]),
            "requests[1].monitored_service_id",
        ),
    ],
)
async def test_a_request_that_cannot_be_read_names_its_field(stub, method, request_, field):
    async with refusal(INVALID, "INVALID_FIELD", field=field):
        await getattr(stub, method)(request_)
