"""policy apply, list, show and delete."""

import json

import grpc
import pytest
from cli.scripted_servers import Refusal, an_incident

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pager_pb

STALE = Refusal(grpc.StatusCode.ABORTED, "ERROR_REASON_STALE_ETAG", {"policy_id": "shop"})
LOST = Refusal(grpc.StatusCode.UNAVAILABLE)


def a_file(**services):
    """A policy file: for each policy the services it covers; "default" among them makes it the default."""
    entries = [
        {
            "id": name,
            "services": [service for service in covered if service != "default"],
            "default": "default" in covered,
            "levels": [{"ack_timeout": "5m", "targets": [{"id": "ana", "email": "ana@example.com"}]}],
        }
        for name, covered in services.items()
    ]
    return json.dumps({"policies": entries}).encode()  # JSON is YAML


@pytest.fixture
def apply(pagerctl):
    async def applied(*arguments, **services):
        return await pagerctl("policy", "apply", "-", *arguments, stdin=a_file(**services))

    return applied


def coverage(policies):
    return {
        name: sorted([*policy.monitored_service_ids, *(["default"] if policy.default_policy else [])])
        for name, policy in policies.policies.items()
    }


async def test_applying_creates_then_leaves_alone_then_updates(apply, policies):
    wanted = {"shop": ["payments", "checkout"], "rest": ["default"]}
    assert (await apply(**wanted)).out == "shop created (r1)\nrest created (r1)\n"
    again = await apply(**wanted)
    assert (again.code, again.out) == (0, "shop unchanged (r1)\nrest unchanged (r1)\n")
    assert (await apply(shop=["payments"])).out == "shop updated (r2)\n"
    assert policies.calls == [("create", "shop"), ("create", "rest"), ("update", "shop")]
    assert coverage(policies) == {"shop": ["payments"], "rest": ["default"]}


async def test_a_file_is_applied_by_its_name(pagerctl, policies, tmp_path):
    (tmp_path / "policies.yaml").write_bytes(a_file(shop=["payments"]))
    done = await pagerctl("policy", "apply", str(tmp_path / "policies.yaml"), "--json")
    (result,) = json.loads(done.out)["results"]
    assert (result["policy_id"], result["result"]) == ("shop", "created")
    assert result["escalation_policy"]["revision"] == "1"


async def test_a_faulty_file_changes_nothing(pagerctl, policies, tmp_path):
    (tmp_path / "p.yaml").write_text("policies: [{id: a, colour: red, levels: []}]")
    done = await pagerctl("policy", "apply", str(tmp_path / "p.yaml"))
    assert (done.code, done.out) == (2, "")
    assert [line.split(": ")[1] for line in done.err.splitlines()[:2]] == ["policies[0].colour", "policies[0].levels"]
    assert done.err.splitlines()[2].endswith("p.yaml: 2 faults, nothing was applied")
    assert policies.calls == []


async def test_a_file_that_is_missing_is_a_usage_error(pagerctl):
    done = await pagerctl("policy", "apply", "none.yaml")
    assert (done.code, done.err) == (2, "pagerctl: 'none.yaml' cannot be read: No such file or directory\n")


@pytest.mark.parametrize("order", [("shop", "desk"), ("desk", "shop")])
async def test_a_service_moves_to_another_policy_of_the_file(apply, policies, order):
    await apply(shop=["payments", "checkout"], desk=["mail"])
    wanted = {"shop": ["checkout"], "desk": ["mail", "payments"]}
    moved = await apply(**{name: wanted[name] for name in order})
    assert (moved.code, moved.err) == (0, "")
    assert coverage(policies) == {name: sorted(services) for name, services in wanted.items()}


async def test_a_service_moves_to_a_new_policy_that_stands_first(apply, policies):
    await apply(shop=["payments", "checkout"])
    moved = await apply(desk=["payments"], shop=["checkout"])
    assert moved.out == "shop updated (r2)\ndesk created (r1)\n"


async def test_two_policies_exchange_services_and_the_default(apply, policies):
    await apply(shop=["payments", "default"], desk=["mail"])
    swapped = await apply(shop=["mail"], desk=["payments", "default"])
    assert (swapped.code, swapped.err) == (0, "")
    assert coverage(policies) == {"shop": ["mail"], "desk": ["default", "payments"]}
    assert sorted(line.split(" (")[0] for line in swapped.out.splitlines()) == ["desk updated", "shop updated"]


async def test_three_policies_pass_services_in_a_circle(apply, policies):
    await apply(a=["x"], b=["y"], c=["z"])
    assert (await apply(a=["y"], b=["z"], c=["x"])).code == 0
    assert coverage(policies) == {"a": ["y"], "b": ["z"], "c": ["x"]}


async def test_a_service_of_a_policy_outside_the_file_is_a_refusal(apply, policies):
    await apply(shop=["payments"])
    done = await apply("--json", extra=["mail"], desk=["payments"])
    assert done.code == 1
    assert "the service 'payments' is covered by the policy 'shop'" in done.err
    assert done.err.endswith("1 of 2 policies not applied, applying again is safe\n")
    assert [row["result"] for row in json.loads(done.out)["results"]] == ["created"]


async def test_a_second_default_outside_the_file_is_a_refusal(apply):
    await apply(rest=["default"])
    done = await apply(other=["default"])
    assert done.code == 1
    assert "'rest' is the default policy" in done.err


async def test_a_lost_race_is_looked_at_again_once(apply, policies):
    await apply(shop=["payments"])
    policies.refusals["update"] = [STALE]
    assert (await apply(shop=["mail"])).out == "shop updated (r2)\n"
    policies.refusals["update"] = [STALE, STALE]
    done = await apply(shop=["payments"])
    assert done.code == 1
    assert "was changed by somebody else at the same time" in done.err


@pytest.mark.parametrize("stored", [True, False])
async def test_an_unknown_outcome_is_looked_at_before_it_is_repeated(apply, policies, stored):
    policies.stores_before_refusing = stored
    policies.refusals["create"] = [LOST]
    created = await apply(shop=["payments"])
    assert (created.code, created.out) == (0, "shop created (r1)\n")
    policies.refusals["update"] = [LOST]
    updated = await apply(shop=["mail"])
    assert (updated.code, updated.out) == (0, "shop updated (r2)\n")


async def test_policies_are_listed_over_all_pages(apply, pagerctl):
    await apply(a=["x", "y"], b=[], c=["default"])
    lines = (await pagerctl("policy", "list")).out.splitlines()
    assert lines[0].split() == ["POLICY", "REVISION", "LEVELS", "REPEAT", "CHANGED", "NAME", "SERVICES"]
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "c"]
    assert lines[1].endswith("x, y")
    assert lines[3].endswith("(default)")
    document = json.loads((await pagerctl("policy", "list", "--json")).out)
    assert [row["policy_id"] for row in document["escalation_policies"]] == ["a", "b", "c"]


async def test_a_shown_policy_can_be_applied_again(apply, pagerctl, pager):
    pager.script.answers("ListIncidents", pager_pb.ListIncidentsResponse())
    await apply(shop=["payments"])
    shown = await pagerctl("policy", "show", "shop")
    assert shown.out.startswith("# revision 1, made ")
    again = await pagerctl("policy", "apply", "-", stdin=shown.out.encode())
    assert again.out == "shop unchanged (r1)\n"
    assert json.loads((await pagerctl("policy", "show", "shop", "--json")).out)["escalation_policy"]["etag"] == "e1"


async def test_a_shown_policy_says_which_revisions_unresolved_incidents_keep(apply, pagerctl, pager):
    kept = [an_incident(f"inc-{number}", f"service-{number}") for number in range(3)]
    kept[2].policy_revision = 4
    other = an_incident("inc-9", "other")
    other.policy_id = "else"
    pager.script.answers("ListIncidents", pager_pb.ListIncidentsResponse(incidents=[*kept, other]))
    await apply(shop=["payments"])
    shown = (await pagerctl("policy", "show", "shop")).out.splitlines()
    assert shown[1:3] == ["# 2 unresolved incidents keep revision 3", "# 1 unresolved incident keeps revision 4"]
    [request] = pager.script.requests["ListIncidents"]
    assert list(request.states) == [pager_pb.Incident.STATE_OPEN, pager_pb.Incident.STATE_ACKNOWLEDGED]


async def test_a_policy_is_shown_without_the_pager_too(apply, pagerctl, pager):
    pager.script.answers("ListIncidents", Refusal(grpc.StatusCode.UNAVAILABLE))
    await apply(shop=["payments"])
    shown = await pagerctl("policy", "show", "shop", "--timeout", "1")
    assert (shown.code, shown.out.count("is not known: no pager answers at")) == (0, 1)


async def test_a_policy_is_deleted_with_its_newest_etag(apply, pagerctl, policies):
    await apply(shop=["payments"])
    policies.refusals["delete"] = [STALE]
    assert (await pagerctl("policy", "delete", "shop")).out == "shop deleted\n"
    gone = await pagerctl("policy", "delete", "shop")
    assert (gone.code, gone.err) == (1, "pagerctl: there is no policy 'shop'; `pagerctl policy list` lists them\n")
