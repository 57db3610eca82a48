"""policy list, show and delete."""

import json

import grpc
import pytest
from cli.scripted_servers import Refusal, an_incident

from pager_cli.configuration_file import read_configuration
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pager_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb

STALE = Refusal(grpc.StatusCode.ABORTED, "ERROR_REASON_STALE_ETAG", {"policy_id": "shop"})


@pytest.fixture
def stored(policies):
    """Stores for each name a policy with the services it covers."""

    def store(**services):
        target = pb.NotificationTarget(target_id="ana", email=pb.EmailTarget(email_address="ana@example.com"))
        for name, covered in services.items():
            policies.store(
                pb.EscalationPolicy(
                    policy_id=name,
                    monitored_service_ids=[service for service in covered if service != "default"],
                    default_policy="default" in covered,
                    levels=[pb.EscalationLevel(targets=[target])],
                )
            )

    return store


async def test_policies_are_listed_over_all_pages(stored, pagerctl):
    stored(a=["x", "y"], b=[], c=["default"])
    lines = (await pagerctl("policy", "list")).out.splitlines()
    assert lines[0].split() == ["POLICY", "REVISION", "LEVELS", "REPEAT", "CHANGED", "NAME", "SERVICES"]
    assert [line.split()[0] for line in lines[1:]] == ["a", "b", "c"]
    assert lines[1].endswith("x, y")
    assert lines[3].endswith("(default)")
    document = json.loads((await pagerctl("policy", "list", "--json")).out)
    assert [row["policy_id"] for row in document["escalation_policies"]] == ["a", "b", "c"]


async def test_a_shown_policy_can_be_applied_again(stored, pagerctl, pager, policies):
    pager.script.answers("ListIncidents", pager_pb.ListIncidentsResponse())
    stored(shop=["payments"])
    shown = await pagerctl("policy", "show", "shop")
    assert shown.out.startswith("# revision 1, made ")
    [again] = read_configuration(shown.out).escalation_policies
    assert list(again.monitored_service_ids) == ["payments"]
    assert again.levels[0].targets == policies.policies["shop"].levels[0].targets
    assert json.loads((await pagerctl("policy", "show", "shop", "--json")).out)["escalation_policy"]["etag"] == "e1"


async def test_a_shown_policy_says_which_revisions_unresolved_incidents_keep(stored, pagerctl, pager):
    kept = [an_incident(f"inc-{number}", f"service-{number}") for number in range(3)]
    kept[2].policy_revision = 4
    other = an_incident("inc-9", "other")
    other.policy_id = "else"
    pager.script.answers("ListIncidents", pager_pb.ListIncidentsResponse(incidents=[*kept, other]))
    stored(shop=["payments"])
    shown = (await pagerctl("policy", "show", "shop")).out.splitlines()
    assert shown[1:3] == ["# 2 unresolved incidents keep revision 3", "# 1 unresolved incident keeps revision 4"]
    [request] = pager.script.requests["ListIncidents"]
    assert list(request.states) == [pager_pb.Incident.STATE_OPEN, pager_pb.Incident.STATE_ACKNOWLEDGED]


async def test_a_policy_is_shown_without_the_pager_too(stored, pagerctl, pager):
    pager.script.answers("ListIncidents", Refusal(grpc.StatusCode.UNAVAILABLE))
    stored(shop=["payments"])
    shown = await pagerctl("policy", "show", "shop", "--timeout", "1")
    assert (shown.code, shown.out.count("is not known: no pager answers at")) == (0, 1)


async def test_a_policy_is_deleted_with_its_newest_etag(stored, pagerctl, policies):
    stored(shop=["payments"])
    policies.refusals["delete"] = [STALE]
    assert (await pagerctl("policy", "delete", "shop")).out == "shop deleted\n"
    gone = await pagerctl("policy", "delete", "shop")
    assert (gone.code, gone.err) == (1, "pagerctl: there is no policy 'shop'; `pagerctl policy list` lists them\n")
