"""reassign asks first whether there is such a policy or person; explain asks for whom the timeline does not name."""

import grpc
import pytest
from cli.conftest import serving
from cli.scripted_servers import Refusal, Script, an_event, an_incident

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1.people_service_pb2_grpc import (
    PeopleServiceServicer,
    add_PeopleServiceServicer_to_server,
)
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings

GIVEN_BACK = "if there is not, the pager gives the incident back to the former policy, which begins anew"


class PeopleOfAResponder(PeopleServiceServicer):
    """Whoever asks sees nobody else."""

    def __init__(self, listing):
        self.script = Script()
        hidden = Refusal(grpc.StatusCode.NOT_FOUND, "ERROR_REASON_PERSON_UNKNOWN", {"person_id": "ben"})
        self.script.answers("GetPerson", hidden)
        self.script.answers("ListPeople", listing)

    async def GetPerson(self, request, context):  # noqa: N802 - the proto's name
        return await self.script.play("GetPerson", request, context)

    async def ListPeople(self, request, context):  # noqa: N802 - the proto's name
        return await self.script.play("ListPeople", request, context)


@pytest.fixture
def reassign(pagerctl, pager):
    pager.script.answers("ReassignIncident", pb.ReassignIncidentResponse(incident=an_incident()))

    async def run(*arguments, **environment):
        return await pagerctl("reassign", "payments", "--by", "ana", *arguments, **environment)

    return run


@pytest.mark.parametrize(("option", "kind"), [("--person", "person"), ("--policy", "policy")])
async def test_whom_the_policy_service_does_not_know_gets_nothing(reassign, pagerctl, pager, tmp_path, option, kind):
    settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
    async with running_policy(settings) as port:
        there = {"PAGERCTL_POLICY_TARGET": f"127.0.0.1:{port}"}
        done = await reassign(option, "nobody", **there)
        await pagerctl("person", "set", "ben", **there)
        known = await reassign("--person", "ben", **there)
    assert (done.code, done.out) == (1, "")
    listed = f"`pagerctl {kind} list` lists them"
    assert done.err == f"pagerctl: there is no {kind} 'nobody'; {listed}; nothing was changed\n"
    assert (known.code, known.err) == (0, "")
    assert [r.assigned_to.person_id for r in pager.script.requests["ReassignIncident"]] == ["ben"]


async def test_where_nobody_can_be_asked_the_incident_is_given_and_the_rest_is_said(reassign):
    done = await reassign("--person", "ben", "--policy-target", "127.0.0.1:1", "--timeout", "2")
    assert done.code == 0
    assert done.out == "incident inc-1 of payments is given to person ben and is due now\n"
    assert "whether there is the person ben is not known (no policy service answers" in done.err
    assert GIVEN_BACK in done.err


@pytest.mark.parametrize(
    ("listing", "code"),
    [(Refusal(grpc.StatusCode.PERMISSION_DENIED), 0), (people_pb.ListPeopleResponse(), 1)],
)
async def test_who_may_not_see_the_others_is_not_told_that_they_do_not_exist(reassign, listing, code):
    people = PeopleOfAResponder(listing)
    async with serving(add_PeopleServiceServicer_to_server, people) as target:
        done = await reassign("--person", "ben", PAGERCTL_POLICY_TARGET=target)
    assert done.code == code
    assert (GIVEN_BACK in done.err) == (code == 0)


@pytest.fixture
def explain(pagerctl, pager):
    missed = [pb.UnreachedTarget(target_id="team"), pb.UnreachedTarget(target_id="primary", person_id="cleo")]
    skipped = an_event(level_skipped=pb.IncidentEvent.LevelSkipped(cycle=1, level=1, unreached=missed))
    pager.script.answers("GetIncident", pb.GetIncidentResponse(incident=an_incident()))
    pager.script.answers("ListIncidentEvents", pb.ListIncidentEventsResponse(incident_events=[skipped]))

    async def run(person, target):
        return await pagerctl("explain", "inc-1", "--person", person, PAGERCTL_POLICY_TARGET=target)

    return run


async def test_why_somebody_was_not_paged_who_does_not_exist_is_not_explained(explain):
    people = PeopleOfAResponder(people_pb.ListPeopleResponse())
    async with serving(add_PeopleServiceServicer_to_server, people) as target:
        done = await explain("ben", target)
        named = [await explain(name, target) for name in ("cleo", "team")]
    assert (done.code, done.out) == (1, "")
    assert "there is no person 'ben'" in done.err
    assert done.err.endswith("and nothing of that name is in the timeline\n")
    assert [(each.code, each.err) for each in named] == [(0, ""), (0, "")]


async def test_where_nobody_tells_whether_there_is_such_a_person_the_timeline_is_explained(explain):
    people = PeopleOfAResponder(Refusal(grpc.StatusCode.PERMISSION_DENIED))
    async with serving(add_PeopleServiceServicer_to_server, people) as target:
        done = await explain("ben", target)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("ben was not paged by incident inc-1\n")
