"""What a real bash offers when somebody presses the tabulator key."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from cli.scripted_servers import Refusal

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

# Bash calls the function that the script registered, as it does for the key, and prints what would be offered.
BASH = """
eval "$(pagerctl --show-completion bash)"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
"$(complete -p pagerctl | sed 's/.* -F \\([^ ]*\\) .*/\\1/')" pagerctl
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture
def offered(pagerctl, tmp_path):
    """What bash offers for the words so far; the last one is not finished."""
    program = tmp_path / "pagerctl"
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m pager_cli.pagerctl "$@"\n')
    program.chmod(0o755)

    async def press_tab(*words):
        process = await asyncio.create_subprocess_exec(
            *("bash", "--norc", "-c", BASH, "bash", "pagerctl", *words),
            env=os.environ | pagerctl.environment | {"PATH": f"{tmp_path}:{os.environ['PATH']}"},
            cwd=Path(__file__).parents[2],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert err.decode() == ""
        return out.decode().split()

    return press_tab


async def test_commands_are_completed(offered):
    assert await offered("inc") == ["incidents"]
    assert await offered("policy", "ch") == ["check"]


async def test_values_of_options_are_completed(offered):
    assert await offered("raise", "checkout", "m", "--severity", "c") == ["critical"]


async def test_services_are_completed_with_the_names_that_the_pager_knows(offered, pager):
    names = ["checkout", "checkin", "payments"]
    found = [pb.MonitoredService(monitored_service_id=name) for name in names]
    pager.script.answers("ListMonitoredServices", pb.ListMonitoredServicesResponse(monitored_services=found))
    assert await offered("ack", "check") == ["checkout", "checkin"]


async def test_a_pager_that_does_not_answer_offers_nothing_and_says_nothing(offered, pager):
    pager.script.answers("ListMonitoredServices", Refusal(grpc.StatusCode.UNAVAILABLE))
    assert await offered("ack", "check") == []
