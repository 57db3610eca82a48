"""The person commands: list, show, set, delete, verify."""

import shlex
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

import grpc

from pager_cli.connection import connected
from pager_cli.moments import distance, full_time
from pager_cli.output import as_json, print_json, print_line, print_table
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.people_file import person_document
from pager_cli.person_changes import PersonChanges
from pager_cli.running import complain
from pager_cli.words import one_line
from pager_cli.yaml_reading import write_yaml
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import NotAnswered, PagerError
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb
from pager_grpc.gen.policy.v1.people_service_pb2_grpc import PeopleServiceStub

T = TypeVar("T")


async def all_people(stub: PeopleServiceStub, caller: Caller) -> list[pb.Person]:
    """Everybody, ordered by id."""
    people, _ = await rows_of(
        lambda size, token: caller.read(stub.ListPeople, pb.ListPeopleRequest(page_size=size, page_token=token)),
        lambda answer: answer.people,
    )
    return people


async def list_people(peer: Peer, *, as_machine: bool) -> None:
    """Prints everybody."""
    async with connected(peer) as (channel, caller):
        people = await all_people(PeopleServiceStub(channel), caller)
    if as_machine:
        print_json({"people": [as_json(person) for person in people]})
    elif people:
        now = datetime.now(UTC)
        titles = ("PERSON", "REVISION", "CHANGED", "NAME", "ZONE", "CONTACT METHODS")
        print_table(titles, [_row(person, now) for person in people], ("REVISION", "CHANGED", "ZONE", "NAME"))
    else:
        print_line("nobody yet; `pagerctl person set` and `pagerctl apply` bring people")


def _row(person: pb.Person, now: datetime) -> tuple[str, ...]:
    methods = ", ".join(
        one_line(method.contact_method_id) + ("" if method.HasField("verify_time") else " (not verified)")
        for method in person.contact_methods
    )
    return (
        one_line(person.person_id),
        f"r{person.revision}",
        distance(person.update_time, now),
        one_line(person.display_name) or "-",
        one_line(person.time_zone) or "UTC",
        methods or "-",
    )


async def show_person(peer: Peer, person_id: str, *, as_machine: bool) -> None:
    """Prints one person as a file that can be applied again, and which contact methods count."""
    async with connected(peer) as (channel, caller):
        answer = await caller.read(PeopleServiceStub(channel).GetPerson, pb.GetPersonRequest(person_id=person_id))
    if as_machine:
        print_json(as_json(answer))
        return
    person = answer.person
    print_line(f"# revision {person.revision}, made {full_time(person.update_time)}")
    for method in person.contact_methods:
        verified = f"verified {full_time(method.verify_time)}" if method.HasField("verify_time") else "not verified"
        print_line(f"# {one_line(method.contact_method_id)} {verified}")
    print_line(write_yaml({"people": [person_document(person)]}).rstrip("\n"))


async def set_person(peer: Peer, person_id: str, changes: PersonChanges, *, as_machine: bool) -> None:
    """Creates a person or changes it; one that somebody changed in between is looked at again once."""
    missing: list[str] | None = None

    async def attempt(stub: PeopleServiceStub, caller: Caller) -> tuple[pb.Person, str]:
        nonlocal missing
        before = await _found(stub, caller, person_id)
        if missing is None:  # a second look may find removed what the first attempt removed
            missing = changes.not_there(before or pb.Person())
        if before is None:
            person = changes.applied_to(pb.Person(person_id=person_id))
            created = await caller.once(stub.CreatePerson, pb.CreatePersonRequest(person=person))
            return created.person, "created"
        request = pb.UpdatePersonRequest(person=changes.applied_to(before), etag=before.etag)
        person = (await caller.once(stub.UpdatePerson, request)).person
        return person, "unchanged" if person.revision == before.revision else "updated"

    person, result = await _twice(peer, attempt)
    for name in missing or ():
        complain(f"{person_id!r} had no contact method {name!r} to be removed")
    if as_machine:
        print_json({"person_id": person.person_id, "result": result, "person": as_json(person)})
        return
    print_line(f"{one_line(person.person_id)} {result} (r{person.revision})")
    for method in person.contact_methods:
        if not method.HasField("verify_time"):
            print_line(f"not verified: {_command(person_id, method.contact_method_id)}")


async def delete_person(peer: Peer, person_id: str, *, as_machine: bool) -> None:
    """Ends one person; one that is gone after an attempt whose outcome nobody knew has been ended by it."""
    attempts = 0

    async def attempt(stub: PeopleServiceStub, caller: Caller) -> None:
        nonlocal attempts
        attempts += 1
        person = await _found(stub, caller, person_id)
        if person is not None or attempts == 1:
            etag = person.etag if person is not None else "none"
            await caller.once(stub.DeletePerson, pb.DeletePersonRequest(person_id=person_id, etag=etag))

    await _twice(peer, attempt)
    if as_machine:
        print_json({})
    else:
        print_line(f"{one_line(person_id)} deleted")


async def send_code(peer: Peer, person_id: str, contact_method_id: str, *, as_machine: bool) -> None:
    """Has a code sent; it is not asked for again while nobody knows whether one is on its way."""
    request = pb.SendVerificationCodeRequest(person_id=person_id, contact_method_id=contact_method_id)
    async with connected(peer) as (channel, caller):
        answer = await caller.once(PeopleServiceStub(channel).SendVerificationCode, request)
    if as_machine:
        print_json(as_json(answer))
        return
    print_line(f"a code is on its way; it counts until {full_time(answer.expire_time)}")
    print_line(f"then: {_command(person_id, contact_method_id)} --code CODE")


async def bring_code(peer: Peer, person_id: str, contact_method_id: str, code: str, *, as_machine: bool) -> None:
    """Brings a code back."""
    request = pb.VerifyContactMethodRequest(person_id=person_id, contact_method_id=contact_method_id, code=code)
    async with connected(peer) as (channel, caller):
        answer = await caller.once(PeopleServiceStub(channel).VerifyContactMethod, request)
    if as_machine:
        print_json(as_json(answer))
        return
    for method in answer.person.contact_methods:
        if method.contact_method_id == contact_method_id:
            name = f"{one_line(contact_method_id)} of {one_line(person_id)}"
            print_line(f"{name} verified {full_time(method.verify_time)}")


async def _found(stub: PeopleServiceStub, caller: Caller, person_id: str) -> pb.Person | None:
    try:
        return (await caller.read(stub.GetPerson, pb.GetPersonRequest(person_id=person_id))).person
    except PagerError as failed:
        if failed.fault.code is not grpc.StatusCode.NOT_FOUND:
            raise
        return None


async def _twice(peer: Peer, attempt: Callable[[PeopleServiceStub, Caller], Awaitable[T]]) -> T:
    """The result of ``attempt``, which looks first; made again once if somebody else was faster or nobody knows."""
    again = {grpc.StatusCode.ABORTED, grpc.StatusCode.ALREADY_EXISTS}
    async with connected(peer) as (channel, caller):
        stub = PeopleServiceStub(channel)
        try:
            return await attempt(stub, caller)
        except PagerError as failed:
            if not (isinstance(failed, NotAnswered) or failed.fault.code in again):
                raise
        return await attempt(stub, caller)


def _command(person_id: str, contact_method_id: str) -> str:
    return one_line(f"pagerctl person verify {shlex.quote(person_id)} {shlex.quote(contact_method_id)}")
