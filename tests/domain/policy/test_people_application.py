import asyncio
import secrets
from dataclasses import replace
from datetime import timedelta

import pytest
from fakes.policy_store import FakePolicyStore
from fakes.roster_builders import ANA_MAIL, ANA_PHONE, a_method, a_person, a_schedule
from fakes.verification_sender import FakeVerificationSender

from pager_domain.errors import InvalidField
from pager_domain.kernel import checked_id
from pager_domain.policy.directory import policy_of_person
from pager_domain.policy.errors import (
    AddressRefused,
    CodeNotSent,
    CodeRefused,
    CodeSentRecently,
    ContactMethodUnknown,
    ContactMethodVerified,
    PersonInUse,
    PersonStale,
    PersonUnknown,
)
from pager_domain.policy.people import PEOPLE
from pager_domain.policy.people_application import PeopleApplicationService
from pager_domain.policy.ports.verification_sender import SendOutcome
from pager_domain.policy.revisions import Record
from pager_domain.policy.schedules import SCHEDULES
from pager_domain.policy.verifying import VerifyingApplicationService

LONG = "x" * 255


@pytest.fixture
def store():
    return FakePolicyStore()


@pytest.fixture
def people(store):
    return PeopleApplicationService(store)


@pytest.fixture
def sender():
    return FakeVerificationSender()


@pytest.fixture
def verifying(store, sender):
    return VerifyingApplicationService(store, sender, secrets.token_bytes)


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06}"


async def refused(call):
    with pytest.raises(CodeRefused) as error:
        await call
    return error.value.refusal


async def test_a_person_lives_from_creation_to_deletion(people):
    created = await people.create(a_person())
    assert await people.person("ana") == created
    changed = await people.update(a_person(display_name="Ana"), created.etag)
    assert await people.people(None, 10) == [changed]
    with pytest.raises(PersonStale):
        await people.delete("ana", created.etag)
    await people.delete("ana", changed.etag)
    with pytest.raises(PersonUnknown):
        await people.person("ana")


async def test_the_id_of_somebody_new_leaves_room_for_the_policy_that_names_one_person_alone(people):
    longest = "x" * 248
    await people.create(a_person(longest))
    assert checked_id("policy_id", policy_of_person(longest).policy_id)
    for longer in (longest + "x", "ä" * 124 + "x"):
        with pytest.raises(InvalidField) as refused:
            await people.create(a_person(longer))
        assert (refused.value.field, refused.value.limit) == ("person.person_id", "must be at most 248 bytes")


async def test_somebody_who_has_a_longer_id_already_is_read_and_changed(store, people):
    store.roster["person", LONG] = ((Record(PEOPLE, LONG).create(a_person(LONG), store.clock), None),)
    read = await people.person(LONG)
    changed = await people.update(a_person(LONG, display_name="Ana"), read.etag)
    assert await people.person(LONG) == changed
    await people.delete(LONG, changed.etag)


async def test_nobody_is_created_with_a_verified_contact_method(store, people):
    created = await people.create(a_person("ana", replace(ANA_MAIL, verified_at=store.clock)))
    assert created.definition == a_person("ana", ANA_MAIL)


async def test_a_person_whom_a_schedule_names_stays(store, people):
    ana = await people.create(a_person())
    store.roster["schedule", "primary"] = (
        (Record(SCHEDULES, "primary").create(a_schedule("primary", "ben", "ana"), store.clock), None),
    )
    with pytest.raises(PersonInUse) as error:
        await people.delete("ana", ana.etag)
    assert error.value.metadata == {"person_id": "ana", "named_by_kind": "schedule", "named_by_id": "primary"}
    assert await people.person("ana") == ana


async def test_a_contact_method_is_verified_by_its_code(store, people, sender, verifying):
    created = await people.create(a_person("ana", ANA_MAIL, ANA_PHONE))
    assert await verifying.send_code("ana", "mail") == store.clock + timedelta(minutes=10)
    assert [address for address, *_ in sender.sent] == [ANA_MAIL.address]
    store.clock += timedelta(minutes=1)
    person = await verifying.verify("ana", "mail", sender.codes[0])
    assert person.definition == created.definition.with_verified("mail", store.clock)
    assert (person.revision, await people.person("ana")) == (2, person)


async def test_a_repeat_of_a_verification_changes_nothing(people, sender, verifying):
    await people.create(a_person())
    await verifying.send_code("ana", "mail")
    person = await verifying.verify("ana", "mail", sender.codes[0])
    assert await verifying.verify("ana", "mail", sender.codes[0]) == person
    with pytest.raises(ContactMethodVerified):
        await verifying.send_code("ana", "mail")


async def test_wrong_tries_are_counted_though_they_fail(people, sender, verifying):
    await people.create(a_person())
    assert await refused(verifying.verify("ana", "mail", "123456")) == "none_sent"
    await verifying.send_code("ana", "mail")
    [code] = sender.codes
    tries = [await refused(verifying.verify("ana", "mail", wrong(code))) for _ in range(5)]
    assert tries == ["wrong"] * 4 + ["tried_too_often"]
    assert await refused(verifying.verify("ana", "mail", code)) == "tried_too_often"


async def test_after_a_change_of_address_the_old_code_is_worth_nothing(people, sender, verifying):
    created = await people.create(a_person())
    await verifying.send_code("ana", "mail")
    await people.update(a_person("ana", a_method("mail", "ana@example.org")), created.etag)
    assert await refused(verifying.verify("ana", "mail", sender.codes[0])) == "none_sent"


async def test_who_comes_back_under_an_old_id_has_to_be_verified_anew(store, people, sender, verifying):
    created = await people.create(a_person())
    await verifying.send_code("ana", "mail")
    await people.delete("ana", created.etag)
    await people.create(a_person())
    store.clock += timedelta(minutes=1)
    await verifying.send_code("ana", "mail")
    first, second = (request_id for *_, request_id in sender.sent)
    assert first != second


async def test_an_update_keeps_what_is_verified(people, sender, verifying):
    await people.create(a_person())
    await verifying.send_code("ana", "mail")
    verified = await verifying.verify("ana", "mail", sender.codes[0])
    assert await people.update(a_person(), verified.etag) == verified
    changed = await people.update(a_person("ana", ANA_PHONE, ANA_MAIL), verified.etag)
    assert [method.verified_at is not None for method in changed.definition.contact_methods] == [False, True]


@pytest.mark.parametrize(
    ("outcome", "error"), [(SendOutcome.NOT_SENT, CodeNotSent), (SendOutcome.REFUSED, AddressRefused)]
)
async def test_a_code_that_was_not_sent_may_be_sent_again_at_once(people, sender, verifying, outcome, error):
    await people.create(a_person())
    sender.outcome = outcome
    with pytest.raises(error):
        await verifying.send_code("ana", "mail")
    sender.outcome = SendOutcome.SENT
    await verifying.send_code("ana", "mail")
    with pytest.raises(CodeSentRecently):
        await verifying.send_code("ana", "mail")
    await verifying.verify("ana", "mail", sender.codes[1])


async def test_of_two_that_ask_at_once_one_gets_a_code(people, sender, verifying):
    await people.create(a_person())
    sender.gate.clear()
    first = asyncio.create_task(verifying.send_code("ana", "mail"))
    await sender.called.wait()
    with pytest.raises(CodeSentRecently):
        await verifying.send_code("ana", "mail")
    sender.gate.set()
    await first
    assert len(sender.sent) == 1


async def test_the_code_is_kept_before_it_is_sent(store, people, sender, verifying):
    await people.create(a_person())
    sender.gate.clear()
    sending = asyncio.create_task(verifying.send_code("ana", "mail"))
    await sender.called.wait()
    await verifying.verify("ana", "mail", sender.codes[0])
    sender.gate.set()
    await sending


async def test_nothing_is_sent_to_whom_nobody_knows(people, sender, verifying):
    await people.create(a_person())
    with pytest.raises(PersonUnknown):
        await verifying.send_code("ben", "mail")
    with pytest.raises(ContactMethodUnknown):
        await verifying.send_code("ana", "fax")
    with pytest.raises(ContactMethodUnknown):
        await verifying.verify("ana", "fax", "123456")
    with pytest.raises(PersonUnknown):
        await verifying.verify("ben", "mail", "123456")
    assert sender.sent == []
