"""pagerctl status: one screen, its exit code, and the same for machines."""

import json
from contextlib import AsyncExitStack
from datetime import timedelta

import grpc
import pytest
from cli.conftest import Pagerctl
from cli.scripted_servers import PolicyDictionary, Refusal
from cli.statuses import a_status, at

from pager_cli.verdict import ROOMS
from pager_grpc.gen.policy.v1.policy_service_pb2_grpc import add_PolicyServiceServicer_to_server
from pager_grpc.gen.status.v1 import status_service_pb2 as pb
from pager_grpc.gen.status.v1 import status_service_pb2_grpc as pb_grpc

VARIABLES = {"pager": "PAGERCTL_TARGET", "policy": "PAGERCTL_POLICY_TARGET", "notifier": "PAGERCTL_NOTIFIER_TARGET"}
NOBODY = "127.0.0.1:9"


class ScriptedStatus(pb_grpc.StatusServiceServicer):
    """Says what it is given."""

    def __init__(self, said):
        self.said = said

    async def GetStatus(self, request, context):  # noqa: N802 - the proto's name
        if isinstance(self.said, Refusal):
            await self.said.abort(context)
        return pb.GetStatusResponse(status=self.said)


@pytest.fixture
async def look():
    """Runs `pagerctl status` against rooms that say what is given; None: nobody is there."""
    async with AsyncExitStack() as stack:

        async def looked(*arguments, policies=2, **said):
            given, targets = {room: a_status(room) for room in ROOMS} | said, {}
            for room, status in given.items():
                targets[VARIABLES[room]] = NOBODY
                if status is not None:
                    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
                    pb_grpc.add_StatusServiceServicer_to_server(ScriptedStatus(status), server)
                    if room == "policy":
                        add_PolicyServiceServicer_to_server(PolicyDictionary(policies), server)
                    targets[VARIABLES[room]] = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
                    await server.start()
                    stack.push_async_callback(server.stop, None)
            return await Pagerctl(targets)("status", "--timeout", "5", *arguments)

        yield looked


def shown(done):
    """The lines of the screen without its columns."""
    return [" ".join(line.split()) for line in done.out.splitlines()]


async def test_the_first_line_is_the_answer_and_all_else_follows(look):
    pager = a_status("pager")
    pager.paging.backlog.open_incident_count = 2
    pager.paging.backlog.acknowledged_incident_count = 1
    pager.paging.backlog.later_page_count = 4
    at(pager.paging.canary.success_time, timedelta(seconds=20))
    pager.database.commit_duration.FromMicroseconds(1250)
    done = await look(pager=pager)
    assert (done.code, done.err) == (0, "")
    lines = shown(done)
    assert lines[0] == "Paging works."
    assert [line.split(" ", 2)[2] for line in lines if line.startswith(("pager ", "policy "))] == [
        "1.2.0 3 h postgresql, answers in 1.0 ms, commits in 1.2 ms",
        "1.2.0 3 h postgresql, answers in 1.0 ms",
    ]
    assert lines[7:] == [
        "WHAT HOW IT IS",
        "pages 4 not owed yet",
        "incidents 2 open, 1 acknowledged",
        "audit every promise kept, looked 12 s ago",
        "canary came through 20 s ago",
        "email smtp; took one 3 min ago",
        "sms sms-gateway; took one 3 min ago",
        "policies each service reaches somebody for a day",
        "access open: whoever reaches a port may call, plaintext",
    ]


@pytest.mark.parametrize(
    ("pages", "incidents", "told"),
    [
        (4, 5000, ["pages 4 not owed yet", "incidents 5000 open, or more: not all were counted"]),
        (5000, 2, ["pages 5000 not owed yet, or more: not all were counted", "incidents 2 open"]),
    ],
)
async def test_what_was_not_counted_to_its_end_says_so(look, pages, incidents, told):
    pager = a_status("pager")
    pager.paging.backlog.later_page_count, pager.paging.backlog.open_incident_count = pages, incidents
    pager.paging.backlog.truncated = True
    assert [line for line in shown(await look(pager=pager)) if line.startswith(("pages", "incidents"))] == told


async def test_what_is_not_well_is_said_first_and_ends_with_1(look):
    pager = a_status("pager")
    pager.paging.backlog.postponed_page_count = 3
    pager.paging.backlog.oldest_page_age.FromTimedelta(timedelta(minutes=10))
    pager.paging.audit.broken_promise_count = 1
    done = await look(pager=pager)
    assert (done.code, done.err) == (1, "")
    lines = shown(done)
    assert lines[0] == "Paging does not work: a page has been owed for 10 min and is not handed off."
    assert lines[1] == "also: the audit has found 1 broken promise; the log names them"
    assert "pages 3 put off, the oldest owed for 10 min" in lines


async def test_without_a_pager_the_others_are_still_shown(look):
    done = await look(pager=None)
    assert done.code == 1
    assert done.out.startswith(f"Paging does not work: no pager answers at {NOBODY}")
    assert f"pager {NOBODY} - - does not answer" in shown(done)
    assert "pages not known" in shown(done)
    assert "policies each service reaches somebody for a day" in shown(done)


async def test_where_nobody_answers_it_ends_with_3(look):
    done = await look(pager=None, policy=None, notifier=None)
    assert done.code == 3
    assert done.out.startswith("Nobody can tell whether paging works: ")
    assert "WHAT" not in done.out


async def test_a_pager_that_tells_nothing_ends_with_3(look):
    done = await look(pager=Refusal(grpc.StatusCode.PERMISSION_DENIED, message="this key may not"))
    assert done.code == 3
    assert done.out.startswith("Nobody can tell whether paging works: ")
    assert "this key may not" in done.out


async def test_another_room_in_the_place_of_the_pager_says_nothing_of_paging(look):
    done = await look(pager=a_status("notifier"))
    assert done.code == 3
    assert done.out.startswith("Nobody can tell whether paging works: the server at 127.0.0.1:")
    assert "is the notifier: check --target host:port" in done.out


async def test_a_database_that_is_away_is_told_in_its_place(look):
    notifier = a_status("notifier")
    notifier.database.reached, notifier.database.failure = False, "no answer in time"
    done = await look(notifier=notifier)
    assert done.code == 1
    assert any(line.endswith("postgresql, not reached: no answer in time") for line in shown(done))


async def test_how_others_come_in_is_told(look):
    statuses = {room: a_status(room) for room in ROOMS}
    for status in statuses.values():
        status.security.encrypted = status.security.authenticated = True
        at(status.security.certificate_expire_time, -timedelta(days=40))
    lines = shown(await look(**statuses))
    assert lines[-1] == "access callers must show who they are, encrypted, the first certificate expires in 40 d"
    statuses["policy"].security.encrypted = False
    assert "plaintext" in shown(await look(**statuses))[-1]


async def test_a_machine_gets_the_verdict_and_every_status(look):
    pager = a_status("pager")
    pager.paging.backlog.exhausted_incident_count = 1
    done = await look("--json", pager=pager, notifier=None)
    assert done.code == 1
    told = json.loads(done.out)
    assert told["verdict"] == "degraded"
    assert {finding["weight"] for finding in told["findings"]} == {"degraded"}
    assert told["services"]["pager"]["status"]["paging"]["backlog"]["exhausted_incident_count"] == "1"
    assert told["services"]["notifier"] == {
        "target": NOBODY,
        "failure": told["services"]["notifier"]["failure"],
        "status": None,
    }
    assert told["unreached_service_count"] == 0


async def test_words_of_a_server_rewrite_no_terminal(look):
    pager = a_status("pager")
    pager.version = "1.0\x1b[2J"
    pager.database.reached, pager.database.failure = False, "\x1b[31mred"
    assert "\x1b" not in (await look(pager=pager)).out


async def test_where_no_policy_is_stored_the_screen_does_not_say_that_each_service_reaches_somebody(look):
    done = await look(policies=0)
    assert "policies there is none: the catch-all target is paged for every service" in shown(done)
    assert done.code == 0
