from datetime import timedelta

import grpc
import pytest
from adapters.policy.refusals import INVALID, refusal
from fakes.roster_builders import a_schedule
from google.protobuf.duration_pb2 import Duration

from pager_domain.policy.revisions import Record
from pager_domain.policy.schedules import SCHEDULES, Add, Override, OverrideId
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as pb_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import PolicyServiceStub
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore
from pager_grpc.runtime.errors import fault_of


def mail(contact_method_id="mail", address="ana@example.com"):
    return pb.ContactMethod(contact_method_id=contact_method_id, email_address=address)


def phone(contact_method_id="phone", number="+4915112345678"):
    return pb.ContactMethod(contact_method_id=contact_method_id, phone_number=number)


def step(contact_method_id="mail", **delay):
    return pb.NotificationStep(contact_method_id=contact_method_id, delay=Duration(**delay))


def a_person(person_id="ana", *methods, **more):
    return pb.Person(person_id=person_id, contact_methods=methods or [mail()], **more)


@pytest.fixture
def stub(channel):
    return pb_grpc.PeopleServiceStub(channel)


@pytest.fixture
def create(stub):
    async def created(person):
        return (await stub.CreatePerson(pb.CreatePersonRequest(person=person))).person

    return created


@pytest.fixture
def get(stub):
    async def got(person_id):
        return (await stub.GetPerson(pb.GetPersonRequest(person_id=person_id))).person

    return got


@pytest.fixture
def update(stub):
    async def updated(person, etag):
        return (await stub.UpdatePerson(pb.UpdatePersonRequest(person=person, etag=etag))).person

    return updated


@pytest.fixture
def delete(stub):
    async def deleted(person_id, etag):
        return await stub.DeletePerson(pb.DeletePersonRequest(person_id=person_id, etag=etag))

    return deleted


async def test_a_person_lives_from_creation_to_deletion(create, get, update, delete):
    rule = pb.NotificationRule(steps=[step("mail"), step("phone", seconds=180)], repeat_interval=Duration(seconds=300))
    person = a_person("ana", mail(), phone(), display_name="Änna", time_zone="Europe/Berlin", high_urgency_rule=rule)
    created = await create(person)
    assert (created.revision, created.display_name, created.time_zone) == (1, "Änna", "Europe/Berlin")
    assert created.etag
    assert list(created.contact_methods) == [mail(), phone()]
    assert (created.high_urgency_rule, created.HasField("low_urgency_rule")) == (rule, False)
    assert await get("ana") == created

    changed = await update(a_person("ana", phone()), created.etag)
    assert (changed.revision, changed.create_time) == (2, created.create_time)
    assert changed.update_time.ToDatetime() > created.update_time.ToDatetime()
    assert await get("ana") == changed
    async with refusal(grpc.StatusCode.ABORTED, "PERSON_STALE", person_id="ana"):
        await update(person, created.etag)
    async with refusal(grpc.StatusCode.ABORTED, "PERSON_STALE", person_id="ana"):
        await delete("ana", created.etag)

    await delete("ana", changed.etag)
    async with refusal(grpc.StatusCode.NOT_FOUND, "PERSON_UNKNOWN", person_id="ana"):
        await get("ana")
    async with refusal(grpc.StatusCode.NOT_FOUND, "PERSON_UNKNOWN", person_id="ana"):
        await update(person, changed.etag)
    assert (await create(person)).revision == 3


async def test_an_update_that_changes_nothing_makes_no_revision(create, update):
    created = await create(a_person())
    assert await update(created, created.etag) == created


async def test_a_taken_id_is_said_to_be_taken(create):
    await create(a_person())
    async with refusal(grpc.StatusCode.ALREADY_EXISTS, "PERSON_EXISTS", person_id="ana"):
        await create(a_person("ana", phone()))


async def test_what_only_the_server_says_is_not_taken_from_a_caller(create, update):
    claimed = a_person("ana", mail(), revision=7, etag="mine")
    claimed.contact_methods[0].verify_time.GetCurrentTime()
    claimed.create_time.FromSeconds(1)
    created = await create(claimed)
    assert (created.revision, list(created.contact_methods)) == (1, [mail()])
    assert created.create_time.seconds > 1
    changed = await update(claimed, created.etag)
    assert changed == created


async def test_people_are_listed_page_by_page(stub, create):
    for number in range(5):
        await create(a_person(f"p{number}", mail(address=f"p{number}@example.com")))
    listed, token = [], ""
    for left in (3, 1, 0):
        page = await stub.ListPeople(pb.ListPeopleRequest(page_size=2, page_token=token))
        listed += [person.person_id for person in page.people]
        token = page.next_page_token
        assert bool(token) == bool(left)
    assert listed == [f"p{number}" for number in range(5)]
    async with refusal(INVALID, "INVALID_FIELD", field="page_size"):
        await stub.ListPeople(pb.ListPeopleRequest(page_size=1001))
    async with refusal(INVALID, "INVALID_FIELD", field="page_token"):
        await stub.ListPeople(pb.ListPeopleRequest(page_token="made up"))


async def test_a_person_whom_a_schedule_names_stays(database, create, delete):
    created = await create(a_person())

    async def work(unit):
        await unit.save_entry(SCHEDULES, Record(SCHEDULES, "primary").create(a_schedule("primary"), await unit.now()))

    await SqlPolicyStore(database).atomically(work)
    named_by = {"named_by_kind": "schedule", "named_by_id": "primary"}
    async with refusal(grpc.StatusCode.FAILED_PRECONDITION, "PERSON_IN_USE", person_id="ana", **named_by):
        await delete("ana", created.etag)


async def test_a_person_whom_an_override_names_stays_and_the_refusal_names_the_override(database, create, delete):
    created = await create(a_person())

    async def work(unit):
        start = await unit.now()
        span = {"starts_at": start, "ends_at": start + timedelta(hours=1)}
        schedule = a_schedule("primary", "ben", overrides=(Override(OverrideId("o"), change=Add("ana"), **span),))
        await unit.save_entry(SCHEDULES, Record(SCHEDULES, "primary").create(schedule, start))

    await SqlPolicyStore(database).atomically(work)
    place = {"named_by_kind": "schedule", "named_by_id": "primary", "override_id": "o", "shift_swap_id": None}
    async with refusal(grpc.StatusCode.FAILED_PRECONDITION, "PERSON_IN_USE", person_id="ana", **place):
        await delete("ana", created.etag)


async def test_a_person_whom_a_policy_names_stays_until_it_does_no_more(channel, create, delete):
    created = await create(a_person())
    policies = PolicyServiceStub(channel)
    target = policy_pb.NotificationTarget(person=policy_pb.PersonTarget(person_id="ana"))
    policy = policy_pb.EscalationPolicy(policy_id="shop", levels=[policy_pb.EscalationLevel(targets=[target])])
    request = policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy)
    etag = (await policies.CreateEscalationPolicy(request)).escalation_policy.etag
    named_by = {"named_by_kind": "policy", "named_by_id": "shop"}
    async with refusal(grpc.StatusCode.FAILED_PRECONDITION, "PERSON_IN_USE", person_id="ana", **named_by):
        await delete("ana", created.etag)
    await policies.DeleteEscalationPolicy(policy_pb.DeleteEscalationPolicyRequest(policy_id="shop", etag=etag))
    await delete("ana", created.etag)


@pytest.mark.parametrize(
    ("person", "field"),
    [
        (a_person(""), "person.person_id"),
        (a_person("ana", time_zone="Mars/Olympus"), "person.time_zone"),
        (a_person("ana", display_name="x" * 256), "person.display_name"),
        (a_person("ana", pb.ContactMethod(contact_method_id="m")), "person.contact_methods[0].address"),
        (a_person("ana", mail(), mail("", "b@example.com")), "person.contact_methods[1].contact_method_id"),
        (a_person("ana", mail(address="nowhere")), "person.contact_methods[0].email_address"),
        (a_person("ana", phone(number="0151")), "person.contact_methods[0].phone_number"),
        (a_person("ana", mail(), mail("m2")), "person.contact_methods[1].email_address"),
        (a_person("ana", high_urgency_rule=pb.NotificationRule()), "person.high_urgency_rule.steps"),
        (
            a_person("ana", low_urgency_rule=pb.NotificationRule(steps=[step(), step("fax")])),
            "person.low_urgency_rule.steps[1].contact_method_id",
        ),
        (
            a_person("ana", low_urgency_rule=pb.NotificationRule(steps=[step(seconds=86_401)])),
            "person.low_urgency_rule.steps[0].delay",
        ),
        (
            a_person("ana", low_urgency_rule=pb.NotificationRule(steps=[step(seconds=86_400, nanos=1000)])),
            "person.low_urgency_rule.steps[0].delay",
        ),
        (
            a_person("ana", low_urgency_rule=pb.NotificationRule(steps=[step(seconds=5), step(seconds=4)])),
            "person.low_urgency_rule.steps[1].delay",
        ),
        (
            a_person("ana", low_urgency_rule=pb.NotificationRule(steps=[step()], repeat_interval=Duration(seconds=59))),
            "person.low_urgency_rule.repeat_interval",
        ),
        (
            a_person("ana", low_urgency_rule=pb.NotificationRule(steps=[step()], repeat_interval=Duration(seconds=-1))),
            "person.low_urgency_rule.repeat_interval",
        ),
    ],
)
async def test_what_is_malformed_is_named_and_nothing_is_stored(stub, create, person, field):
    async with refusal(INVALID, "INVALID_FIELD", field=field):
        await create(person)
    assert not (await stub.ListPeople(pb.ListPeopleRequest())).people


async def test_an_address_stands_in_no_error(create):
    hidden = mail(address="secret@example.net")
    twice = [hidden, mail("m2", hidden.email_address)]
    for methods in (twice, [mail(address="secret@example.net@")], [phone(number="+49secret")]):
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await create(a_person("ana", *methods))
        said = refused.value.details() + str(fault_of(refused.value))
        assert "secret" not in said


@pytest.mark.parametrize("call", ["update", "delete"])
async def test_an_etag_is_required(stub, call):
    async with refusal(INVALID, "INVALID_FIELD", field="etag"):
        if call == "update":
            await stub.UpdatePerson(pb.UpdatePersonRequest(person=a_person()))
        else:
            await stub.DeletePerson(pb.DeletePersonRequest(person_id="ana"))
