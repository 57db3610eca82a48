"""watch: every event once, across lost connections, until Ctrl-C."""

import json
import signal

import grpc
from cli.conftest import serving
from cli.scripted_servers import HANGS, Refusal, ScriptedPager, an_event

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.pager.v1.pager_service_pb2_grpc import add_PagerServiceServicer_to_server

LOST = Refusal(grpc.StatusCode.UNAVAILABLE, message="going away")


def said(token, **event):
    return pb.WatchIncidentsResponse(incident_event=an_event(**event), resume_token=token)


RESOLVED = {"resolved": pb.IncidentEvent.Resolved()}
ACKNOWLEDGED = {"acknowledged": pb.IncidentEvent.Acknowledged(acknowledged_by="ana", note="on it")}
SIGN_OF_LIFE = pb.WatchIncidentsResponse(resume_token="t0")


async def interrupted(process):
    process.send_signal(signal.SIGINT)
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


async def test_a_lost_watch_goes_on_after_the_last_event(pagerctl, pager):
    pager.watches = [
        [SIGN_OF_LIFE, said("t1", **ACKNOWLEDGED), LOST],
        [LOST],
        [SIGN_OF_LIFE.__class__(resume_token="t1"), said("t2", sequence=2, **RESOLVED)],
        [said("t3", sequence=3, **RESOLVED), HANGS],
    ]
    process = await pagerctl.start("watch", "--json")
    events = [json.loads(await process.stdout.readline()) for _ in range(3)]
    code, rest, err = await interrupted(process)
    assert [event["resume_token"] for event in events] == ["t1", "t2", "t3"]
    assert events[0]["incident_event"]["acknowledged"] == {"acknowledged_by": "ana", "note": "on it"}
    assert pager.resume_tokens == ["", "t1", "t1", "t2"]
    assert (code, rest) == (0, "")
    lines = err.splitlines()
    assert lines[0].endswith("(going away); trying again until it answers")
    assert "again, going on after the last event" in lines[1]
    assert len(lines) == 2  # a watch that the server ended with OK is worth no word


async def test_a_watch_for_people_is_one_line_an_event(pagerctl, pager):
    pager.watches = [[SIGN_OF_LIFE, said("t1", **ACKNOWLEDGED), HANGS]]
    process = await pagerctl.start("watch", "--resume-token", "old")
    line = (await process.stdout.readline()).decode()
    assert (await interrupted(process))[0] == 0
    assert line == '2026-03-01 03:12:04  payments  acknowledged by ana: "on it"\n'
    assert pager.resume_tokens == ["old"]


async def test_a_watch_survives_a_restart_of_the_server(pagerctl):
    before, after = ScriptedPager(), ScriptedPager()
    before.watches = [[said("t1", **ACKNOWLEDGED), HANGS]]
    after.watches = [[said("t2", **RESOLVED), HANGS]]
    async with serving(add_PagerServiceServicer_to_server, before) as address:
        process = await pagerctl.start("watch", "--target", address)
        await process.stdout.readline()
    assert b"lost the connection to" in await process.stderr.readline()
    async with serving(add_PagerServiceServicer_to_server, after, address):
        assert b"resolved" in await process.stdout.readline()
        code, _, err = await interrupted(process)
    assert code == 0
    assert "connected to" in err
    assert after.resume_tokens[0] == "t1"


async def test_a_watch_that_never_reached_a_server_gives_up(pagerctl, pager):
    pager.watches = [[LOST] for _ in range(200)]
    done = await pagerctl("watch", "--timeout", "0.3")
    assert done.code == 3
    assert "start it with `pagerd up`" in done.err


async def test_a_watch_of_a_server_that_never_speaks_gives_up(pagerctl, pager):
    pager.watches = [[HANGS]]
    done = await pagerctl("watch", "--timeout", "0.5")
    assert done.code == 3
    assert "did not answer within 0.5 s" in done.err


async def test_a_token_of_another_database_is_refused(pagerctl, pager):
    metadata = {"field": "resume_token", "limit": "must be a token of this database"}
    pager.watches = [[Refusal(grpc.StatusCode.INVALID_ARGUMENT, "ERROR_REASON_INVALID_FIELD", metadata)]]
    done = await pagerctl("watch", "--resume-token", "x")
    assert (done.code, done.err) == (2, "pagerctl: resume_token must be a token of this database\n")


async def test_ctrl_c_in_a_call_exits_130_without_a_word(pagerctl, pager):
    pager.script.answers("ListMonitoredServices", HANGS)
    process = await pagerctl.start("services")
    await pager.script.asked.wait()
    assert await interrupted(process) == (130, "", "")


async def test_a_reader_that_leaves_ends_the_watch(pagerctl, pager):
    # More than a pipe holds, so that the write itself fails.
    pager.watches = [[said(f"t{n}", **RESOLVED) for n in range(3000)]]
    process = await pagerctl.start("watch", "--json")
    await process.stdout.readline()
    process.stdout._transport.close()
    assert await process.wait() == 141
