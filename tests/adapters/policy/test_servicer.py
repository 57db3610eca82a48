import asyncio

import grpc
import pytest
from adapters.policy.policies import a_level, a_phone, a_policy, a_target, addresses_of, revision, service
from adapters.policy.refusals import INVALID, refusal

from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb
from pager_grpc.runtime.errors import fault_of


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
