"""plan, apply, export and schema, against a real policy room."""

import json
from pathlib import Path

import pytest
from fakes.verification_sender import FakeVerificationSender

from pager_cli.configuration_file import read_configuration
from pager_cli.file_words import in_file_words
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings

EXAMPLES = Path(__file__).parents[2] / "examples"
TEAM = EXAMPLES / "two-people.yaml"


@pytest.fixture
async def command(pagerctl, tmp_path):
    """``pagerctl`` with a policy room of its own."""
    settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
    async with running_policy(settings, verification_sender=FakeVerificationSender()) as port:

        async def run(*arguments, stdin=b""):
            return await pagerctl(*arguments, stdin=stdin, PAGERCTL_POLICY_TARGET=f"127.0.0.1:{port}")

        yield run


async def test_a_plan_changes_nothing_and_applying_does_what_it_showed(command):
    planned = (await command("plan", str(TEAM))).out.splitlines()
    assert planned[:6] == [
        "+ person ana",
        "+ person ben",
        "+ schedule shop-primary",
        "+ schedule shop-secondary",
        "+ policy shop",
        "5 changed, 0 unchanged",
    ]
    assert planned[-1] == "nothing was changed; `pagerctl apply` does it"
    assert (await command("export")).out == "{}\n"
    applied = (await command("apply", str(TEAM))).out.splitlines()
    assert applied[:-1] == planned[:-1]
    assert "pagerctl person verify" in applied[-1]
    assert (await command("apply", str(TEAM))).out == "0 changed, 5 unchanged\n"


async def test_whom_nobody_knows_is_named_where_the_file_names_them(command):
    file = b"""
policies:
  - {id: shop, services: [checkout], levels: [{targets: [{id: shop, email: shop@example.com}]}]}
  - {id: other, services: [search], levels: [{targets: [{id: x, email: x@example.com}, {person: bob}]}]}
"""
    planned = await command("plan", "-", stdin=file)
    assert (planned.code, planned.out) == (1, "")
    assert planned.err.startswith("pagerctl: policies[1].levels[0].targets[1].person: there is no person 'bob'")


OTHERS = ["two-people", "follow-the-sun", "business-hours"]


@pytest.mark.parametrize("name", OTHERS)
async def test_each_example_can_be_applied_beside_that_of_make_run(command, name):
    await command("apply", str(EXAMPLES / "policies.yaml"))
    planned = await command("plan", str(EXAMPLES / f"{name}.yaml"))
    assert (planned.code, planned.err) == (0, "")


@pytest.mark.parametrize("name", OTHERS)
async def test_what_is_exported_is_what_was_applied(command, name):
    example = EXAMPLES / f"{name}.yaml"
    assert (await command("apply", str(example))).code == 0
    exported = (await command("export")).out
    assert (await command("plan", "-", "--prune", stdin=exported.encode())).out.startswith("0 changed")
    assert len(read_configuration(exported).people) == len(read_configuration(example.read_text()).people)


async def test_a_change_says_what_it_means_for_people(command):
    await command("apply", str(TEAM))
    alone = (
        TEAM.read_text().replace("people: [ana, ben]", "people: [ana]").replace("people: [ben, ana]", "people: [ana]")
    )
    told = (await command("plan", "-", stdin=alone.encode())).out.splitlines()
    assert told[:2] == ["~ schedule shop-primary: layers", "~ schedule shop-secondary: layers"]
    assert "ben loses 168h on call in the next 7 days (from 168h to 0h)" in told
    assert not any(line.startswith("ana ") for line in told)  # who was on call on one is so on both, the same hours


async def test_what_is_not_in_the_file_goes_only_when_asked(command):
    await command("apply", str(TEAM))
    only_ana = b"people: [{id: ana}]"
    assert "1 changed" in (await command("plan", "-", stdin=only_ana)).out
    pruned = (await command("apply", "-", "--prune", stdin=only_ana)).out.splitlines()
    assert [line for line in pruned if line.startswith("-")] == [
        "- person ben",
        "- schedule shop-primary",
        "- schedule shop-secondary",
        "- policy shop",
    ]


async def test_a_plan_that_was_overtaken_is_refused_and_changes_nothing(command):
    etag = json.loads((await command("plan", str(TEAM), "--json")).out)["base_etag"]
    await command("apply", "-", stdin=b"people: [{id: ana}]")
    refused = await command("apply", str(TEAM), "--base-etag", etag)
    assert (refused.code, "changed by somebody else since the plan" in refused.err) == (1, True)
    assert (await command("export")).out == "people:\n- id: ana\n"


async def test_a_faulty_file_changes_nothing_and_every_fault_is_told(command):
    faulty = await command("apply", "-", stdin=b"people: [{id: ''}, {id: ana, zone: 7}]")
    assert (faulty.code, faulty.out) == (2, "")
    assert "people[0].id: is required" in faulty.err
    assert "people[1].zone: must be text" in faulty.err
    unknown = await command("apply", "-", stdin=b"people: [{id: ana, zone: Mars/Base}]")
    assert (unknown.code, "people[0].zone must be an IANA time zone" in unknown.err) == (2, True)
    assert (await command("export")).out == "{}\n"


async def test_the_schema_is_printed_for_editors(command):
    assert json.loads((await command("schema")).out)["$defs"]["person"]["required"] == ["id"]


def a_policy(name, *services):
    """A policy of a file, which is JSON here."""
    level = {"targets": [{"id": "ana", "email": "ana@example.com"}]}
    return {"id": name, "services": services, "levels": [level]}


async def test_services_are_exchanged_at_once_and_none_is_taken_from_a_policy_outside_the_file(command):
    async def applied(*policies):
        return await command("apply", "-", stdin=json.dumps({"policies": policies}).encode())

    assert (await applied(a_policy("shop", "payments"), a_policy("desk", "mail"))).code == 0
    swapped = await applied(a_policy("shop", "mail"), a_policy("desk", "payments"))
    assert swapped.out.splitlines()[-1] == "2 changed, 0 unchanged"
    refused = await applied(a_policy("new", "post"), a_policy("other", "mail"))
    assert refused.code == 1
    assert "the service 'mail' is covered by the policy 'shop'" in refused.err
    assert [
        row["policy_id"] for row in json.loads((await command("policy", "list", "--json")).out)["escalation_policies"]
    ] == ["desk", "shop"]


async def test_a_file_that_is_missing_is_a_usage_error(command):
    done = await command("apply", "none.yaml")
    assert (done.code, done.err) == (2, "pagerctl: 'none.yaml' cannot be read: No such file or directory\n")


async def test_a_file_without_a_name_is_said_to_have_none(command):
    for arguments in (("apply", ""), ("raise", "payments", "disk full", "--details", "@")):
        done = await command(*arguments)
        assert (done.code, done.err) == (2, "pagerctl: the name of a file must not be empty; - is standard input\n")


async def test_what_differs_is_named_as_the_file_names_it(command):
    await command("apply", str(TEAM))
    changed = TEAM.read_text().replace("zone: Europe/Berlin", "zone: UTC").replace("ack_expires: 8h", "ack_expires: 9h")
    changed = changed.replace("repeat: 1\n", "repeat: 2\n").replace("services: [checkout,", "services: [cart,")
    planned = (await command("plan", "-", stdin=changed.encode())).out.splitlines()
    assert planned[:5] == [
        "~ person ana: zone",
        "~ person ben: zone",
        "~ schedule shop-primary: zone",
        "~ schedule shop-secondary: zone",
        "~ policy shop: repeat, services, ack_expires",
    ]


@pytest.mark.parametrize(
    ("field", "key"),
    [
        ("schedules[0].layers[1].rotation.start_local_time", "schedules[0].layers[1].starts"),
        ("schedules[0].layers[1].rotation.person_ids[2]", "schedules[0].layers[1].people[2]"),
        ("schedules[0].layers[1].rotation.length", "schedules[0].layers[1].every"),
        ("schedules[0].layers[1].restrictions[0].start_local_time", "schedules[0].layers[1].only[0].from"),
        ("must be after start_time", "must be after from"),
        ("people[0].contact_methods[1].phone_number", "people[0].contacts[1].sms"),
        ("people[0].high_urgency_rule.steps[1].contact_method_id", "people[0].high_urgency.steps[1].contact"),
        ("escalation_policies[0].policy_id", "policies[0].id"),
        ("escalation_policies[0].levels[0].acknowledgement_timeout", "policies[0].levels[0].ack_timeout"),
        ("escalation_policies[0].levels[0].targets[1].person_id", "policies[0].levels[0].targets[1].person"),
        ("levels[0].targets[1].schedule.schedule_id", "levels[0].targets[1].schedule"),
        ("levels[0].targets[1].email.email_address", "levels[0].targets[1].email"),
    ],
)
def test_a_field_of_the_service_has_the_key_of_the_file(field, key):
    assert in_file_words(field) == key


async def test_the_help_of_export_says_what_is_not_in_the_file(command):
    assert "Overrides and shift swaps are not in it" in (await command("export", "--help")).out
