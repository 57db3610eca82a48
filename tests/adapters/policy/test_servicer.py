import asyncio
from contextlib import asynccontextmanager

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.runtime.errors import fault_of

INVALID = grpc.StatusCode.INVALID_ARGUMENT


def a_target(target_id="ana-mail", address="ana@example.com"):
    return pb.NotificationTarget(target_id=target_id, email=pb.EmailTarget(email_address=address))


def a_phone(target_id="ana-phone", number="+4915112345678"):
    return pb.NotificationTarget(target_id=target_id, sms=pb.SmsTarget(phone_number=number))


def a_level(*targets, **more):
    return pb.EscalationLevel(targets=targets or [a_target()], **more)


def a_policy(policy_id="shop", *services, **more):
    more.setdefault("levels", [a_level()])
    return pb.EscalationPolicy(policy_id=policy_id, monitored_service_ids=services, **more)


def addresses_of(levels):
    steps = [step for level in levels for target in level.targets for step in target.high_urgency_rule.steps]
    return [step.email.email_address or step.sms.phone_number for step in steps]


def revision(policy_id, number):
    return pb.ResolveEscalationRequest(policy_revision=pb.PolicyRevision(policy_id=policy_id, revision=number))


def service(monitored_service_id):
    return pb.ResolveEscalationRequest(monitored_service_id=monitored_service_id)


@asynccontextmanager
async def refusal(code, reason, **metadata):
    """The body's call is refused with this code, this reason and this metadata."""
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        yield
    fault = fault_of(refused.value)
    assert (fault.code, fault.reason) == (code, f"ERROR_REASON_{reason}")
    assert {key: fault.metadata.get(key) for key in metadata} == metadata


@pytest.fixture
def create(stub):
    async def created(policy):
        answer = await stub.CreateEscalationPolicy(pb.CreateEscalationPolicyRequest(escalation_policy=policy))
        return answer.escalation_policy

    return created


@pytest.fixture
def get(stub):
    async def got(policy_id):
        return (await stub.GetEscalationPolicy(pb.GetEscalationPolicyRequest(policy_id=policy_id))).escalation_policy

    return got


@pytest.fixture
def update(stub):
    async def updated(policy, etag):
        request = pb.UpdateEscalationPolicyRequest(escalation_policy=policy, etag=etag)
        return (await stub.UpdateEscalationPolicy(request)).escalation_policy

    return updated


@pytest.fixture
def delete(stub):
    async def deleted(policy_id, etag):
        return await stub.DeleteEscalationPolicy(pb.DeleteEscalationPolicyRequest(policy_id=policy_id, etag=etag))

    return deleted


async def test_a_policy_lives_from_creation_to_deletion(create, get, update, delete):
    policy = a_policy("shop", "payments", "checkout", levels=[a_level(a_target(), a_phone())], repeat_count=3)
    created = await create(policy)
    assert created.revision == 1
    assert created.etag
    assert list(created.monitored_service_ids) == ["checkout", "payments"]
    assert created.levels[0].acknowledgement_timeout.seconds == 900
    assert list(created.levels[0].targets) == [a_target(), a_phone()]
    assert await get("shop") == created

    changed = await update(a_policy("shop", "checkout", display_name="Shop"), created.etag)
    assert (changed.revision, changed.display_name, changed.create_time) == (2, "Shop", created.create_time)
    assert changed.update_time.ToDatetime() > created.update_time.ToDatetime()
    assert await update(changed, changed.etag) == changed

    await delete("shop", changed.etag)
    async with refusal(grpc.StatusCode.NOT_FOUND, "POLICY_UNKNOWN", policy_id="shop"):
        await get("shop")
    assert (await create(policy)).revision == 3


async def test_an_id_that_is_taken_is_told(create):
    await create(a_policy())
    async with refusal(grpc.StatusCode.ALREADY_EXISTS, "POLICY_EXISTS", policy_id="shop"):
        await create(a_policy())


async def test_a_service_that_is_covered_is_told_with_its_policy(create, update):
    await create(a_policy("shop", "checkout"))
    other = await create(a_policy("other"))
    taken = {"monitored_service_id": "checkout", "policy_id": "shop"}
    async with refusal(grpc.StatusCode.ALREADY_EXISTS, "SERVICE_ALREADY_COVERED", **taken):
        await create(a_policy("third", "checkout"))
    async with refusal(grpc.StatusCode.ALREADY_EXISTS, "SERVICE_ALREADY_COVERED", **taken):
        await update(a_policy("other", "checkout"), other.etag)


async def test_racing_policies_for_one_service_end_in_one_policy_and_clear_refusals(create):
    calls = (create(a_policy(f"p{n}", "checkout")) for n in range(6))
    results = await asyncio.gather(*calls, return_exceptions=True)
    faults = [fault_of(result) for result in results if isinstance(result, grpc.aio.AioRpcError)]
    assert [fault.reason for fault in faults] == ["ERROR_REASON_SERVICE_ALREADY_COVERED"] * 5


async def test_a_second_default_is_told_with_the_first(create):
    await create(a_policy("shop", default_policy=True))
    async with refusal(grpc.StatusCode.ALREADY_EXISTS, "DEFAULT_POLICY_EXISTS", policy_id="shop"):
        await create(a_policy("other", default_policy=True))


async def test_a_stale_etag_is_told(create, update, delete):
    created = await create(a_policy())
    await update(a_policy(repeat_count=1), created.etag)
    async with refusal(grpc.StatusCode.ABORTED, "STALE_ETAG", policy_id="shop"):
        await update(a_policy(repeat_count=2), created.etag)
    async with refusal(grpc.StatusCode.ABORTED, "STALE_ETAG", policy_id="shop"):
        await delete("shop", created.etag)


async def test_what_is_not_there_can_be_neither_updated_nor_deleted(update, delete):
    async with refusal(grpc.StatusCode.NOT_FOUND, "POLICY_UNKNOWN", policy_id="shop"):
        await update(a_policy(), "some-etag")
    async with refusal(grpc.StatusCode.NOT_FOUND, "POLICY_UNKNOWN", policy_id="shop"):
        await delete("shop", "some-etag")


async def test_pages_follow_each_other_without_a_gap(stub, create):
    for number in range(5):
        await create(a_policy(f"p{number}"))
    seen, token = [], ""
    while True:
        request = pb.ListEscalationPoliciesRequest(page_size=2, page_token=token)
        page = await stub.ListEscalationPolicies(request)
        seen.append([policy.policy_id for policy in page.escalation_policies])
        token = page.next_page_token
        if not token:
            break
    assert seen == [["p0", "p1"], ["p2", "p3"], ["p4"]]


async def test_a_service_is_resolved_by_name_and_else_by_default(stub, create):
    await create(a_policy("shop", "checkout", levels=[a_level(a_phone())], repeat_count=2))
    await create(a_policy("catch-all", default_policy=True))
    named = (await stub.ResolveEscalation(service("checkout"))).resolved_escalation
    assert (named.policy_id, named.revision, named.repeat_count, named.defaulted) == ("shop", 1, 2, False)
    assert addresses_of(named.levels) == ["+4915112345678"]
    defaulted = (await stub.ResolveEscalation(service("search"))).resolved_escalation
    assert (defaulted.policy_id, defaulted.defaulted) == ("catch-all", True)


async def test_a_pinned_revision_is_resolved_after_its_policy_ended(stub, create, delete):
    created = await create(a_policy("shop", "checkout"))
    await delete("shop", created.etag)
    pinned = (await stub.ResolveEscalation(revision("shop", 1))).resolved_escalation
    assert addresses_of(pinned.levels) == ["ana@example.com"]
    async with refusal(grpc.StatusCode.NOT_FOUND, "NO_POLICY_FOR_SERVICE", monitored_service_id="checkout"):
        await stub.ResolveEscalation(service("checkout"))
    async with refusal(grpc.StatusCode.NOT_FOUND, "REVISION_UNKNOWN", policy_id="shop", revision="2"):
        await stub.ResolveEscalation(revision("shop", 2))
    async with refusal(grpc.StatusCode.NOT_FOUND, "POLICY_UNKNOWN", policy_id="nobody"):
        await stub.ResolveEscalation(revision("nobody", 1))


async def test_a_batch_answers_each_question_on_its_own(stub, create):
    await create(a_policy("shop", "checkout"))
    questions = [service("checkout"), service("search"), revision("shop", 1), revision("shop", 2), revision("x", 1)]
    answer = await stub.BatchResolveEscalations(pb.BatchResolveEscalationsRequest(requests=questions))
    outcomes = [result.resolved_escalation.policy_id or result.error_reason for result in answer.results]
    assert outcomes == [
        "shop",
        pb.ERROR_REASON_NO_POLICY_FOR_SERVICE,
        "shop",
        pb.ERROR_REASON_REVISION_UNKNOWN,
        pb.ERROR_REASON_POLICY_UNKNOWN,
    ]


async def test_a_batch_of_a_thousand_is_answered_and_one_more_is_refused(stub, create):
    await create(a_policy("shop", default_policy=True))
    questions = [service(f"service-{number}") for number in range(1001)]
    answer = await stub.BatchResolveEscalations(pb.BatchResolveEscalationsRequest(requests=questions[:1000]))
    assert {result.resolved_escalation.policy_id for result in answer.results} == {"shop"}
    for wrong in (questions, []):
        async with refusal(INVALID, "INVALID_FIELD", field="requests", limit="must be 1 to 1000"):
            await stub.BatchResolveEscalations(pb.BatchResolveEscalationsRequest(requests=wrong))


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
