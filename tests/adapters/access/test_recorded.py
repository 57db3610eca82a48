"""What callers with keys change is recorded under their names; keys are recorded without their secrets."""

import base64

from adapters.access.rooms import FIRST_ADMIN, a_closed_room, key_of

from pager_domain.access.keys import hash_of

CREATE, REVOKE = "/access.v1.AccessService/CreateApiKey", "/access.v1.AccessService/RevokeApiKey"
LIST = "/changes.v1.ChangeLogService/ListChangeRecords"


async def records_in(room, **asked):
    return (await room.call(LIST, asked, key=key_of("admin")))["change_records"]


async def test_a_record_names_the_key_that_was_shown(tmp_path):
    async with a_closed_room("policy", tmp_path) as room:
        person = {"person": {"person_id": "cem"}}
        await room.call("/policy.v1.PeopleService/CreatePerson", person, key=key_of("admin"))
        [record] = await records_in(room, object_kind="OBJECT_KIND_PERSON")
    assert (record["principal"], record["object_id"]) == ("key:admin1", "cem")


async def test_making_and_revoking_a_key_is_recorded_once_each_and_without_its_hash(tmp_path):
    hashed = hash_of("0" * 64)
    made = {"api_key": {"api_key_id": "made", "name": "n", "role": "ROLE_ADMIN"}}
    made["secret_hash"] = base64.b64encode(hashed).decode()
    async with a_closed_room("notifier", tmp_path) as room:
        for method, request in ((CREATE, made), (CREATE, made), (REVOKE, {"api_key_id": "made"})):
            await room.call(method, request, key=FIRST_ADMIN)
        revoked, created = await records_in(room, object_id="made")
    assert created["after"]["name"] == "n"
    assert list(revoked["after"]) == ["revoked_at"]
    assert revoked["principal"].startswith("key:")
    assert hashed.hex() not in str([revoked, created])
    assert base64.b64encode(hashed).decode() not in str([revoked, created])
