"""A code on its whole way: policy room, notifier room, mail server or mailbox, and back."""

import json
import logging
import re
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import grpc
import pytest
from adapters.notifier.mail_servers import MailServer
from builders import NOON, HandClock
from sqlalchemy import text
from structlog.testing import capture_logs

from pager_grpc.gen.policy.v1 import people_service_pb2 as pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as pb_grpc
from pager_grpc.notifier.bootstrap import running_notifier
from pager_grpc.notifier.config import NotifierSettings
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.errors import fault_of
from pager_grpc.runtime.migrations import migrate

_NOW = f"(timestamptz '{NOON.isoformat()}' + (SELECT by FROM test_clock))"
ADDRESS, NUMBER = "ana@example.com", "+4915112345678"


class Rooms:
    """A policy room whose time is moved by hand, a notifier room and a mail server."""

    def __init__(self, database, clock, folder):
        self.database, self._clock, self._folder = database, clock, folder
        self.mail = MailServer()
        self.people: pb_grpc.PeopleServiceAsyncStub
        self._notifier = AsyncExitStack()

    async def advance(self, **span):
        self._clock.advance(timedelta(**span).total_seconds())
        if not self.database.is_sqlite:
            async with self.database.begin() as connection:
                moved = text("UPDATE test_clock SET by = by + :by")
                await connection.execute(moved, {"by": timedelta(**span)})

    async def start_notifier(self, listen="127.0.0.1:0"):
        settings = NotifierSettings(
            _env_file=None,
            NOTIFIER_LISTEN=listen,
            PAGERD_DATA=self._folder,
            NOTIFIER_SMTP_URL=f"smtp://127.0.0.1:{self.mail.port}",
            NOTIFIER_EMAIL_FROM="pager@example.com",
        )
        return f"127.0.0.1:{await self._notifier.enter_async_context(running_notifier(settings))}"

    async def stop_notifier(self):
        await self._notifier.aclose()

    def codes_by_mail(self):
        return [re.search(r"\b[0-9]{6}\b", message.get_content()).group() for message in self.mail.messages]

    def texts(self):
        return [json.loads(path.read_text()) for path in sorted((self._folder / "mailbox").glob("*.json"))]

    async def create(self, *methods):
        methods = methods or [pb.ContactMethod(contact_method_id="mail", email_address=ADDRESS)]
        person = pb.Person(person_id="ana", contact_methods=methods)
        return (await self.people.CreatePerson(pb.CreatePersonRequest(person=person))).person

    async def send(self, method="mail"):
        request = pb.SendVerificationCodeRequest(person_id="ana", contact_method_id=method)
        return (await self.people.SendVerificationCode(request)).expire_time

    async def verify(self, code, method="mail"):
        request = pb.VerifyContactMethodRequest(person_id="ana", contact_method_id=method, code=code)
        return (await self.people.VerifyContactMethod(request)).person

    async def get(self):
        return (await self.people.GetPerson(pb.GetPersonRequest(person_id="ana"))).person


@asynccontextmanager
async def rooms_on(url, folder):
    clock = HandClock()
    database = open_database(url, clock=clock, now_sql=_NOW)
    await migrate(database, "policy")
    rooms = Rooms(database, clock, folder)
    if not database.is_sqlite:
        async with database.begin() as connection:
            await connection.execute(text("CREATE TABLE test_clock AS SELECT interval '0' AS by"))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(database.close)
        await stack.enter_async_context(rooms.mail.running())
        rooms.notifier = await rooms.start_notifier()
        stack.push_async_callback(rooms.stop_notifier)
        settings = PolicySettings(
            _env_file=None, POLICY_LISTEN="127.0.0.1:0", POLICY_NOTIFIER_TARGET=rooms.notifier, PAGERD_DATA=folder
        )
        port = await stack.enter_async_context(running_policy(settings, database=database))
        channel = await stack.enter_async_context(open_channel(f"127.0.0.1:{port}"))
        rooms.people = pb_grpc.PeopleServiceStub(channel)
        yield rooms


@pytest.fixture
async def rooms(database_url, tmp_path):
    async with rooms_on(database_url, tmp_path) as opened:
        yield opened


async def refused(call):
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await call
    fault = fault_of(error.value)
    return fault.code.name, fault.reason.removeprefix("ERROR_REASON_"), fault


def wrong(code):
    return f"{(int(code) + 1) % 10**6:06}"


async def test_a_code_comes_by_mail_and_verifies_the_address(rooms):
    created = await rooms.create()
    assert (await rooms.send()).ToDatetime(NOON.tzinfo) == NOON + timedelta(minutes=10)
    [message] = rooms.mail.messages
    assert (message["To"], message["Subject"]) == (ADDRESS, "Confirm this address")
    [code] = rooms.codes_by_mail()
    assert f"pagerctl person verify ana mail --code {code}" in message.get_content()
    await rooms.advance(minutes=9)
    person = await rooms.verify(code)
    assert person.contact_methods[0].verify_time.ToDatetime(NOON.tzinfo) == NOON + timedelta(minutes=9)
    assert (person.revision, person.etag != created.etag) == (2, True)
    assert await rooms.get() == person
    assert await rooms.verify(code) == person


async def test_a_code_comes_by_text_message(rooms):
    await rooms.create(pb.ContactMethod(contact_method_id="phone", phone_number=NUMBER))
    await rooms.send("phone")
    [message] = rooms.texts()
    code = message["text"][:6]
    assert message["to"] == NUMBER
    assert message["text"].startswith(f"{code} is the code by which the Pager may page this number.")
    assert (await rooms.verify(code, "phone")).contact_methods[0].HasField("verify_time")


async def test_five_wrong_codes_spend_the_right_one(rooms):
    await rooms.create()
    await rooms.send()
    [code] = rooms.codes_by_mail()
    said = [await refused(rooms.verify(wrong(code))) for _ in range(5)]
    assert {(status, reason) for status, reason, _ in said} == {("FAILED_PRECONDITION", "CODE_REFUSED")}
    assert [fault.metadata["refusal"] for *_, fault in said] == ["wrong"] * 4 + ["tried_too_often"]
    *_, fault = await refused(rooms.verify(code))
    assert fault.metadata["refusal"] == "tried_too_often"
    assert not (await rooms.get()).contact_methods[0].HasField("verify_time")
    await rooms.advance(minutes=1)
    await rooms.send()
    assert (await rooms.verify(rooms.codes_by_mail()[1])).contact_methods[0].HasField("verify_time")


async def test_a_code_is_too_old_after_ten_minutes(rooms):
    await rooms.create()
    await rooms.send()
    await rooms.advance(minutes=10)
    *_, fault = await refused(rooms.verify(rooms.codes_by_mail()[0]))
    assert fault.metadata["refusal"] == "expired"


async def test_a_changed_address_is_unverified_again_and_an_unchanged_one_is_not(rooms):
    phone = pb.ContactMethod(contact_method_id="phone", phone_number=NUMBER)
    await rooms.create(pb.ContactMethod(contact_method_id="mail", email_address=ADDRESS), phone)
    await rooms.send()
    person = await rooms.verify(rooms.codes_by_mail()[0])
    person.contact_methods.insert(0, phone)
    del person.contact_methods[2]
    moved = (await rooms.people.UpdatePerson(pb.UpdatePersonRequest(person=person, etag=person.etag))).person
    assert [method.HasField("verify_time") for method in moved.contact_methods] == [False, True]
    moved.contact_methods[1].email_address = "ana@example.org"
    changed = (await rooms.people.UpdatePerson(pb.UpdatePersonRequest(person=moved, etag=moved.etag))).person
    assert [method.HasField("verify_time") for method in changed.contact_methods] == [False, False]


async def test_a_minute_lies_between_two_codes(rooms):
    await rooms.create()
    await rooms.send()
    await rooms.advance(seconds=59)
    status, reason, fault = await refused(rooms.send())
    assert (status, reason) == ("RESOURCE_EXHAUSTED", "CODE_SENT_RECENTLY")
    assert fault.retry_after == timedelta(seconds=1)
    await rooms.advance(seconds=1)
    await rooms.send()
    _older, newer = rooms.codes_by_mail()
    assert (await rooms.verify(newer)).revision == 2


async def test_without_a_notifier_it_is_unavailable_and_may_be_tried_at_once(rooms):
    await rooms.create()
    await rooms.stop_notifier()
    status, reason, _ = await refused(rooms.send())
    assert (status, reason) == ("UNAVAILABLE", "CODE_NOT_SENT")
    await rooms.start_notifier(rooms.notifier)
    await rooms.send()
    assert (await rooms.verify(rooms.codes_by_mail()[-1])).revision == 2


async def test_an_address_that_the_mail_server_refuses_is_said_to_be(rooms):
    rooms.mail.refusals["RCPT"] = "550 5.1.1 no such user"
    await rooms.create()
    status, reason, fault = await refused(rooms.send())
    assert (status, reason) == ("FAILED_PRECONDITION", "ADDRESS_REFUSED")
    assert dict(fault.metadata) == {"person_id": "ana", "contact_method_id": "mail"}


async def test_what_does_not_exist_cannot_be_verified(rooms):
    assert (await refused(rooms.send()))[:2] == ("NOT_FOUND", "PERSON_UNKNOWN")
    await rooms.create()
    assert (await refused(rooms.send("fax")))[:2] == ("NOT_FOUND", "CONTACT_METHOD_UNKNOWN")
    assert (await refused(rooms.verify("123456", "fax")))[:2] == ("NOT_FOUND", "CONTACT_METHOD_UNKNOWN")
    status, _, fault = await refused(rooms.verify("12345"))
    assert (status, fault.metadata["field"]) == ("INVALID_ARGUMENT", "code")
    *_, fault = await refused(rooms.verify("123456"))
    assert fault.metadata["refusal"] == "none_sent"


async def test_neither_the_code_nor_the_address_stands_in_a_log_or_in_the_tables_of_codes(rooms, caplog):
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        await rooms.create()
        await rooms.send()
        [code] = rooms.codes_by_mail()
        await refused(rooms.verify(wrong(code)))
        await rooms.verify(code)
        rooms.mail.refusals["RCPT"] = f"550 5.1.1 <{ADDRESS}> is unknown"
        person = await rooms.get()
        person.contact_methods[0].email_address = "ana@example.org"
        await rooms.people.UpdatePerson(pb.UpdatePersonRequest(person=person, etag=person.etag))
        await rooms.advance(minutes=1)
        await refused(rooms.send())
        await rooms.stop_notifier()
        await refused(rooms.send())
    ours = [record.getMessage() for record in caplog.records if record.name != "mail.log"]  # that is the double's
    told = json.dumps([logs, ours], default=repr)
    assert "code_not_sent" in told
    assert not [secret for secret in (code, wrong(code), ADDRESS, "ana@example.org") if secret in told]
    async with rooms.database.begin() as connection:
        rows = (await connection.execute(text("SELECT * FROM contact_verifications"))).all()
    assert code not in repr(rows)
