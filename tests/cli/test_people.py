"""person list, show, set, delete and verify, against a real policy room and against one that loses races."""

import json

import grpc
import pytest
from cli.conftest import serving
from cli.scripted_servers import Refusal, Script
from fakes.verification_sender import FakeVerificationSender

from pager_domain.policy.ports.verification_sender import SendOutcome
from pager_grpc.gen.policy.v1 import people_service_pb2 as pb
from pager_grpc.gen.policy.v1.people_service_pb2_grpc import (
    PeopleServiceServicer,
    add_PeopleServiceServicer_to_server,
)
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings

STALE = Refusal(grpc.StatusCode.ABORTED, "ERROR_REASON_PERSON_STALE", {"person_id": "ana"})
UNKNOWN = Refusal(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PERSON_UNKNOWN", {"person_id": "ana"})
EXISTS = Refusal(grpc.StatusCode.ALREADY_EXISTS, "ERROR_REASON_PERSON_EXISTS", {"person_id": "ana"})
LOST = Refusal(grpc.StatusCode.UNAVAILABLE)
MAIL = ("--email", "mail=ana@example.com")


@pytest.fixture
def sender():
    return FakeVerificationSender()


@pytest.fixture
async def person(pagerctl, sender, tmp_path):
    """``pagerctl person`` against a policy room."""
    settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
    async with running_policy(settings, verification_sender=sender) as port:

        async def run(*arguments):
            return await pagerctl("person", *arguments, PAGERCTL_POLICY_TARGET=f"127.0.0.1:{port}")

        yield run


async def test_a_person_is_created_then_left_alone_then_changed(person):
    created = await person("set", "ana", *MAIL, "--name", "Ana", "--zone", "Europe/Berlin")
    assert (created.code, created.err) == (0, "")
    assert created.out == "ana created (r1)\nnot verified: pagerctl person verify ana mail\n"
    again = await person("set", "ana", *MAIL)
    assert (again.code, again.out.splitlines()[0]) == (0, "ana unchanged (r1)")
    changed = await person("set", "ana", "--sms", "phone=+4915112345678", "--high", "mail, phone@3m", "--json")
    answer = json.loads(changed.out)
    assert (answer["result"], answer["person"]["display_name"]) == ("updated", "Ana")
    assert [method["contact_method_id"] for method in answer["person"]["contact_methods"]] == ["mail", "phone"]
    steps = answer["person"]["high_urgency_rule"]["steps"]
    assert [(step["contact_method_id"], step.get("delay", "0s")) for step in steps] == [
        ("mail", "0s"),
        ("phone", "180s"),
    ]


async def test_a_contact_method_and_a_rule_go_again(person):
    await person("set", "ana", *MAIL, "--sms", "phone=+4915112345678", "--low", "phone")
    kept = await person("set", "ana", "--remove", "phone")
    assert (kept.code, "low_urgency_rule.steps[0].contact_method_id" in kept.err) == (2, True)
    gone = json.loads((await person("set", "ana", "--remove", "phone", "--low", "default", "--json")).out)
    assert [method["contact_method_id"] for method in gone["person"]["contact_methods"]] == ["mail"]
    assert "low_urgency_rule" not in gone["person"]


async def test_a_contact_method_to_be_removed_that_is_not_there_is_told(person):
    await person("set", "ana", *MAIL)
    done = await person("set", "ana", "--remove", "nosuch", "--name", "Ana")
    assert (done.code, done.out.splitlines()[0]) == (0, "ana updated (r2)")
    assert done.err == "pagerctl: 'ana' had no contact method 'nosuch' to be removed\n"


async def test_a_person_is_shown_as_a_file_that_can_be_applied(person, sender):
    await person("set", "ana", *MAIL, "--sms", "phone=+4915112345678", "--high", "mail,phone@90s")
    await person("verify", "ana", "mail")
    await person("verify", "ana", "mail", "--code", sender.codes[0])
    shown = (await person("show", "ana")).out.splitlines()
    assert shown[0].startswith("# revision 2, made ")
    assert shown[1].startswith("# mail verified ")
    assert shown[2:6] == ["# phone not verified", "people:", "- id: ana", "  contacts:"]
    assert "    - contact: phone\n      after: 1m30s" in "\n".join(shown)


async def test_people_are_listed(person):
    assert (await person("list")).out.startswith("nobody yet")
    await person("set", "ana", *MAIL, "--name", "Ana")
    await person("set", "ben")
    titles, ana, ben = (await person("list")).out.splitlines()
    assert titles.split() == ["PERSON", "REVISION", "CHANGED", "NAME", "ZONE", "CONTACT", "METHODS"]
    assert [*ana.split()[:2], *ana.split()[-5:]] == ["ana", "r1", "Ana", "UTC", "mail", "(not", "verified)"]
    assert ben.split()[-1] == "-"
    listed = json.loads((await person("list", "--json")).out)
    assert [each["person_id"] for each in listed["people"]] == ["ana", "ben"]


async def test_a_contact_method_is_verified_with_the_code_that_came(person, sender):
    await person("set", "ana", *MAIL)
    sent = await person("verify", "ana", "mail")
    assert (sent.code, sent.out.splitlines()[1]) == (0, "then: pagerctl person verify ana mail --code CODE")
    too_soon = await person("verify", "ana", "mail")
    assert (too_soon.code, "try again in" in too_soon.err) == (1, True)
    [code] = sender.codes
    wrong = await person("verify", "ana", "mail", "--code", f"{(int(code) + 1) % 10**6:06}")
    assert (wrong.code, "the code is wrong" in wrong.err) == (1, True)
    assert (await person("verify", "ana", "mail", "--code", "12")).code == 2
    right = await person("verify", "ana", "mail", "--code", code)
    assert (right.code, right.out.startswith("mail of ana verified 20")) == (0, True)
    verified = await person("verify", "ana", "mail")
    assert (verified.code, verified.err) == (1, "pagerctl: 'mail' of 'ana' is verified already\n")


async def test_a_code_that_nobody_took_is_no_answer(person, sender):
    await person("set", "ana", *MAIL)
    sender.outcome = SendOutcome.NOT_SENT
    lost = await person("verify", "ana", "mail")
    assert (lost.code, len(sender.sent)) == (3, 1)
    assert lost.err.startswith("pagerctl: nobody says that a code went to 'mail' of 'ana'")


async def test_a_person_is_deleted(person):
    await person("set", "ana", *MAIL)
    assert (await person("delete", "ana")).out == "ana deleted\n"
    for command in (("show", "ana"), ("delete", "ana"), ("verify", "ana", "mail")):
        gone = await person(*command)
        assert (gone.code, gone.err) == (1, "pagerctl: there is no person 'ana'; `pagerctl person list` lists them\n")


@pytest.mark.parametrize(
    "wrong",
    [("--email", "ana@example.com"), ("--sms", "phone="), ("--high", "mail@"), ("--low", "mail,,"), ("--high", "m@x")],
)
async def test_an_option_that_means_nothing_is_a_usage_error(pagerctl, wrong):
    done = await pagerctl("person", "set", "ana", *wrong)
    assert (done.code, done.out, wrong[0] in done.err) == (2, "", True)


class ScriptedPeople(PeopleServiceServicer):
    """Answers what a test wrote down."""

    def __init__(self):
        self.script = Script()

    async def GetPerson(self, request, context):  # noqa: N802 - the proto's name
        return await self.script.play("GetPerson", request, context)

    async def CreatePerson(self, request, context):  # noqa: N802 - the proto's name
        return await self.script.play("CreatePerson", request, context)

    async def UpdatePerson(self, request, context):  # noqa: N802 - the proto's name
        return await self.script.play("UpdatePerson", request, context)

    async def DeletePerson(self, request, context):  # noqa: N802 - the proto's name
        return await self.script.play("DeletePerson", request, context)


@pytest.fixture
async def racing(pagerctl):
    """The script of a people service, and ``pagerctl person`` against it."""
    people = ScriptedPeople()
    async with serving(add_PeopleServiceServicer_to_server, people) as target:

        async def run(*arguments):
            return await pagerctl("person", *arguments, PAGERCTL_POLICY_TARGET=target)

        yield people.script, run


def found(etag, **fields):
    return pb.GetPersonResponse(person=pb.Person(person_id="ana", etag=etag, revision=1, **fields))


async def test_a_change_that_meets_another_one_is_made_on_top_of_it(racing):
    script, person = racing
    script.answers("GetPerson", found("e1"), found("e2", time_zone="UTC"))
    script.answers("UpdatePerson", STALE, pb.UpdatePersonResponse(person=pb.Person(person_id="ana", revision=3)))
    done = await person("set", "ana", "--name", "Ana")
    assert (done.code, done.out) == (0, "ana updated (r3)\n")
    second = script.requests["UpdatePerson"][1]
    assert (second.etag, second.person.time_zone, second.person.display_name) == ("e2", "UTC", "Ana")


async def test_a_creation_that_somebody_else_was_faster_with_becomes_a_change(racing):
    script, person = racing
    script.answers("GetPerson", UNKNOWN, found("e1"))
    script.answers("CreatePerson", EXISTS)
    script.answers("UpdatePerson", pb.UpdatePersonResponse(person=pb.Person(person_id="ana", revision=2)))
    assert (await person("set", "ana", "--name", "Ana")).out == "ana updated (r2)\n"


async def test_who_is_gone_after_an_undecided_deletion_has_been_deleted(racing):
    script, person = racing
    script.answers("GetPerson", found("e1"), UNKNOWN)
    script.answers("DeletePerson", LOST)
    assert (await person("delete", "ana")).out == "ana deleted\n"
    assert len(script.requests["DeletePerson"]) == 1


async def test_a_change_that_loses_twice_is_told(racing):
    script, person = racing
    script.answers("GetPerson", found("e1"))
    script.answers("UpdatePerson", STALE)
    done = await person("set", "ana", "--name", "Ana")
    assert (done.code, len(script.requests["UpdatePerson"])) == (1, 2)
    assert "was changed by somebody else" in done.err
