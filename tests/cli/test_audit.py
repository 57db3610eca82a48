"""audit, against a real policy room."""

import json

import pytest
from fakes.verification_sender import FakeVerificationSender
from google.protobuf.struct_pb2 import Struct

from pager_cli.audit import difference
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings


@pytest.fixture
async def command(pagerctl, tmp_path):
    """``pagerctl`` with a policy room of its own."""
    settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
    async with running_policy(settings, verification_sender=FakeVerificationSender()) as port:

        async def run(*arguments):
            return await pagerctl(*arguments, PAGERCTL_POLICY_TARGET=f"127.0.0.1:{port}")

        yield run


def struct(**fields):
    made = Struct()
    made.update(fields)
    return made


async def test_audit_shows_what_was_and_what_is_the_newest_first(command):
    assert (await command("audit", "--object", "person")).out == "no changes are recorded\n"
    await command("person", "set", "ana", "--email", "mail=ana@example.com", "--name", "Ana")
    await command("person", "set", "ana", "--name", "Ana B.")
    shown = (await command("audit", "--object", "person/ana")).out
    heads = [line for line in shown.splitlines() if "person/ana" in line]
    assert heads[0].endswith("person/ana changed by anonymous with UpdatePerson")
    assert heads[1].endswith("person/ana created by anonymous with CreatePerson")
    assert "    - display_name: Ana\n    + display_name: Ana B.\n" in shown
    assert "…@example.com" in shown
    assert "ana@example.com" not in shown


async def test_audit_for_machines_and_since_a_moment(command):
    await command("person", "set", "ana", "--email", "mail=ana@example.com")
    [record] = json.loads((await command("audit", "--object", "person", "--json")).out)["change_records"]
    assert (record["object_id"], record["method"]) == ("ana", "/policy.v1.PeopleService/CreatePerson")
    assert record["after"]["contact_methods"][0]["address"] == "…@example.com"
    assert (await command("audit", "--object", "person", "--since", "7d")).out.count("person/ana") == 1
    assert (await command("audit", "--object", "person", "--since", "now+1h")).out == "no changes are recorded\n"


@pytest.mark.parametrize("arguments", [("--object", "nobody/ana"), ("--since", "yesterday")])
async def test_audit_says_what_it_takes(pagerctl, arguments):
    done = await pagerctl("audit", *arguments)
    assert (done.code, done.out) == (2, "")
    assert arguments[0] in done.err


def test_only_what_differs_is_shown_with_a_line_around_it():
    before = struct(levels=[{"targets": ["a", "b", "c", "d"]}], repeat_count=1)
    after = struct(levels=[{"targets": ["a", "b", "x", "d"]}], repeat_count=1)
    assert list(difference(before, after)) == ["    - b", "-   - c", "+   - x", "    - d"]
