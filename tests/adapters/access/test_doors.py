"""Who comes in and who does not, over the wire."""

import asyncio
import base64

import pytest
from adapters.access.rooms import FIRST_ADMIN, KEYS, Refused, a_closed_room, bearer, key_of
from fakes.access_builders import T0, a_grant, a_key, shown
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from pager_domain.access.principal import Role

LIST = "/notifier.v1.NotifierService/ListDeliveries"
ADMIN = shown("admin1")


@pytest.fixture
async def notifier(tmp_path):
    async with a_closed_room("notifier", tmp_path) as running:
        yield running


@pytest.fixture
async def pager(tmp_path):
    async with a_closed_room("pager", tmp_path) as running:
        yield running


async def pager_call(pager, method, request, caller):
    return await pager.call(f"/pager.v1.PagerService/{method}", request, key=key_of(caller) or FIRST_ADMIN)


async def test_an_admin_comes_in_with_a_key_or_with_that_of_the_configuration(notifier):
    assert await notifier.call(LIST, {}, key=ADMIN) == {}
    assert await notifier.call(LIST, {}, key=FIRST_ADMIN) == {}


@pytest.mark.parametrize(
    ("metadata", "fault"),
    [
        ((), "missing"),
        ((("authorization", ""),), "malformed"),
        ((("authorization", "Bearer"),), "malformed"),
        ((("authorization", ADMIN),), "malformed"),
        ((("authorization", f"Basic {ADMIN}"),), "malformed"),
        ((("authorization", f"Bearer {ADMIN[:-1]}"),), "malformed"),
        ((("authorization", f"Bearer {ADMIN}, Bearer {ADMIN}"),), "malformed"),
        (bearer(ADMIN) * 2, "malformed"),
        (bearer(shown("nobody1")), "unknown"),
        (bearer(shown("admin1", "root")), "unknown"),
        (bearer("eyJhbGciOiJub25lIn0.e30."), "token_refused"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_whoever_shows_nothing_that_counts_stays_outside(notifier, metadata, fault):
    answer = await notifier.call(LIST, {}, metadata=metadata)
    assert (answer.code, answer.reason, answer.metadata) == ("UNAUTHENTICATED", "UNAUTHENTICATED", {"fault": fault})


async def test_the_scheme_may_be_written_in_any_case(notifier):
    assert await notifier.call(LIST, {}, metadata=(("authorization", f"bearer {ADMIN}"),)) == {}


@pytest.mark.parametrize(("fault", "more"), [("expired", {"expires_at": T0}), ("revoked", {"revoked_at": T0})])
async def test_only_whoever_has_the_secret_hears_that_a_key_is_over(notifier, fault, more):
    await notifier.keys.add(a_key("over", a_grant(Role.ADMIN), **more))
    assert (await notifier.call(LIST, {}, key=shown("over"))).metadata == {"fault": fault}
    assert (await notifier.call(LIST, {}, key=shown("over", "admin1"))).metadata == {"fault": "unknown"}


async def test_a_key_of_another_room_is_not_known_here(notifier, tmp_path):
    async with a_closed_room("policy", tmp_path) as policy:
        await policy.keys.add(a_key("elsewhere", a_grant(Role.ADMIN)))
        assert await policy.call("/policy.v1.PeopleService/ListPeople", {}, key=shown("elsewhere")) == {}
        assert (await notifier.call(LIST, {}, key=shown("elsewhere"))).metadata == {"fault": "unknown"}


async def test_a_key_that_is_made_comes_in_and_one_that_is_revoked_does_not(notifier):
    key = a_key("fresh1", a_grant(Role.ADMIN))
    assert (await notifier.call(LIST, {}, key=shown("fresh1"))).metadata == {"fault": "unknown"}
    request = {
        "api_key": {"api_key_id": "fresh1", "name": "a key", "role": "ROLE_ADMIN"},
        "secret_hash": _base64(key.secret_hash),
    }
    made = await notifier.call("/access.v1.AccessService/CreateApiKey", request, key=ADMIN)
    assert made["api_key"]["created_by"] == "key:admin1"
    assert await notifier.call(LIST, {}, key=shown("fresh1")) == {}
    revoked = await notifier.call("/access.v1.AccessService/RevokeApiKey", {"api_key_id": "fresh1"}, key=ADMIN)
    assert "revoke_time" in revoked["api_key"]
    assert (await notifier.call(LIST, {}, key=shown("fresh1"))).metadata == {"fault": "revoked"}


async def test_keys_are_listed_without_anything_of_their_secrets(notifier):
    listed = await notifier.call("/access.v1.AccessService/ListApiKeys", {"page_size": 2}, key=ADMIN)
    assert [key["api_key_id"] for key in listed["api_keys"]] == ["admin1", "integration1"]
    assert listed["api_keys"][1]["monitored_service_ids"] == ["checkout"]
    rest = await notifier.call(
        "/access.v1.AccessService/ListApiKeys", {"page_token": listed["next_page_token"]}, key=ADMIN
    )
    assert [key["api_key_id"] for key in rest["api_keys"]] == sorted({k.key_id for k in KEYS.values()})[2:]
    assert not any(key.secret_hash.hex() in str(listed) + str(rest) for key in KEYS.values())


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"role": "ROLE_UNSPECIFIED"}, "api_key.role"),
        ({"verbs": ["VERB_UNSPECIFIED"]}, "api_key.verbs"),
        ({"verbs": ["VERB_SEND"]}, "api_key.verbs"),
        ({"api_key_id": "no"}, "api_key.api_key_id"),
        ({"monitored_service_ids": ["checkout"]}, "api_key.monitored_service_ids"),
        ({"expire_time": "2020-01-01T00:00:00Z"}, "api_key.expire_time"),
        ({"name": ""}, "api_key.name"),
    ],
)
async def test_a_key_that_makes_no_sense_is_refused_by_field(notifier, change, field):
    key = {"api_key_id": "fresh1", "name": "a key", "role": "ROLE_ADMIN"} | change
    request = {"api_key": key, "secret_hash": _base64(bytes(32))}
    answer = await notifier.call("/access.v1.AccessService/CreateApiKey", request, key=ADMIN)
    assert (answer.code, answer.metadata["field"]) == ("INVALID_ARGUMENT", field)


async def test_a_secret_itself_is_refused_where_its_hash_belongs(notifier):
    request = {
        "api_key": {"api_key_id": "fresh1", "name": "n", "role": "ROLE_ADMIN"},
        "secret_hash": _base64(b"x" * 64),
    }
    answer = await notifier.call("/access.v1.AccessService/CreateApiKey", request, key=ADMIN)
    assert answer.metadata["field"] == "secret_hash"


async def test_a_foreign_object_is_answered_word_for_word_like_one_that_is_not_there(pager):
    raised = await pager_call(pager, "RaiseAlert", {"monitored_service_id": "billing", "message": "x"}, "admin")
    foreign = raised["incident"]["incident_id"]
    for method, field, there in (
        ("GetIncident", "incident_id", foreign),
        ("MarkHealthy", "monitored_service_id", "billing"),
    ):
        refused = await pager_call(pager, method, {field: there}, "responder")
        nothing = await pager_call(pager, method, {field: "nothing"}, "responder")
        absent = await pager_call(pager, method, {field: "nothing"}, "admin")
        assert (refused.code, refused.reason) == (nothing.code, nothing.reason) == (absent.code, absent.reason)
        assert refused.message.replace(there, "nothing") == nothing.message == absent.message


async def test_whoever_is_a_person_acts_as_that_person(pager):
    service = {"monitored_service_id": "checkout"}
    await pager_call(pager, "RaiseAlert", service | {"message": "x"}, "admin")
    as_ben = await pager_call(pager, "Acknowledge", service | {"acknowledged_by": "ben"}, "responder")
    assert (as_ben.code, as_ben.reason) == ("PERMISSION_DENIED", "NOT_ALLOWED")
    assert "it is 'ana'" in as_ben.message
    taken = await pager_call(pager, "Acknowledge", service, "responder")
    assert taken["incident"]["acknowledged_by"] == "ana"


async def test_a_key_with_some_verbs_may_nothing_else(pager):
    await pager.keys.add(a_key("readonly", a_grant(Role.INTEGRATION, ["checkout"], ["read"])))
    request = {"monitored_service_id": "checkout", "message": "x"}
    refused = await pager.call("/pager.v1.PagerService/RaiseAlert", request, key=shown("readonly"))
    assert (refused.code, refused.message) == ("PERMISSION_DENIED", "key:readonly may not raise here")


async def test_every_line_that_a_call_logs_names_who_made_it(pager):
    with capture_logs(processors=[merge_contextvars]) as logs:
        await pager_call(pager, "RaiseAlert", {"monitored_service_id": "checkout", "message": "x"}, "integration")
        await pager_call(pager, "Acknowledge", {"monitored_service_id": "checkout"}, "integration")
    said = {line["event"]: line.get("principal") for line in logs}
    assert said["incident_opened"] == said["rpc_refused"] == "key:integration1"


async def test_health_is_open_to_everybody_and_reflection_to_nobody(notifier):
    health = health_pb2_grpc.HealthStub(notifier.channel)
    answer = await health.Check(health_pb2.HealthCheckRequest(service="access.v1.AccessService"), timeout=20)
    assert answer.status in {health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING}
    reflection = reflection_pb2_grpc.ServerReflectionStub(notifier.channel)
    call = reflection.ServerReflectionInfo(iter([reflection_pb2.ServerReflectionRequest(list_services="")]), timeout=20)
    assert (await call.code()).name == "UNIMPLEMENTED"


async def test_where_access_is_open_nobody_is_asked_and_no_key_can_be_made(tmp_path):
    async with a_closed_room("notifier", tmp_path, PAGERD_ACCESS="open") as open_room:
        assert await open_room.call(LIST, {}) == {}
        assert await open_room.call(LIST, {}, key="pgr_nonsense") == {}
        answer = await open_room.call("/access.v1.AccessService/ListApiKeys", {}, key=ADMIN)
        assert isinstance(answer, Refused)
        assert answer.code == "UNIMPLEMENTED"


def _base64(value):
    return base64.b64encode(value).decode()


async def test_a_key_that_one_replica_revoked_is_refused_by_the_other_within_seconds(postgres_url, tmp_path):
    async with (
        a_closed_room("notifier", tmp_path, postgres_url) as one,
        a_closed_room("notifier", tmp_path, postgres_url) as other,
    ):
        key = shown("integration1")
        before = await other.call(LIST, {}, key=key)
        assert before.code == "PERMISSION_DENIED"  # it is known, and an integration may not
        await one.call("/access.v1.AccessService/RevokeApiKey", {"api_key_id": "integration1"}, key=ADMIN)
        async with asyncio.timeout(20):
            while (await other.call(LIST, {}, key=key)).code != "UNAUTHENTICATED":
                await asyncio.sleep(0.05)  # the other replica tells nobody when it looks again
