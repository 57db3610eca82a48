"""The client for programs without an event loop, as such a program uses it."""

import asyncio
import subprocess
import sys

import pytest
from cli.scripted_servers import an_incident

from pager_grpc.client import BlockingPagerClient
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

PROGRAM = """
import sys
from pager_grpc.client import BlockingPagerClient, Refused

with BlockingPagerClient(sys.argv[1]) as pager:
    raised = pager.raise_alert("checkout", "Card payments fail", severity="error")
    print(raised.incident.incident_id, pager.get_incident("inc-1").monitored_service_id)
    print(pager.acknowledge("checkout", by="ana").acknowledged)
"""


async def test_calls_block_and_answer(address, pager):
    pager.script.answers("RaiseAlert", pb.RaiseAlertResponse(incident=an_incident()))
    pager.script.answers("GetIncident", pb.GetIncidentResponse(incident=an_incident()))
    pager.script.answers("Acknowledge", pb.AcknowledgeResponse(acknowledged=True))
    process = await asyncio.create_subprocess_exec(*(sys.executable, "-c", PROGRAM, address), stdout=subprocess.PIPE)
    out, _ = await process.communicate()
    assert (process.returncode, out.decode()) == (0, "inc-1 payments\nTrue\n")
    assert pager.script.requests["RaiseAlert"][0].severity == pb.Incident.SEVERITY_ERROR


def test_a_client_that_was_not_opened_or_is_closed_says_what_to_do():
    pager = BlockingPagerClient("127.0.0.1:1")
    with pytest.raises(RuntimeError, match=r"inside of `with BlockingPagerClient\(…\) as pager:`"):
        pager.raise_alert("checkout", "Card payments fail")
    with pager:
        pass
    with pytest.raises(RuntimeError, match="with BlockingPagerClient"):
        pager.get_service("checkout")
