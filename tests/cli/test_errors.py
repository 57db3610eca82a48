"""Errors: one line that says what is wrong and what to do, and an exit code that scripts can trust."""

import shlex
import socket
import subprocess
import sys

import grpc
import pytest
from cli.scripted_servers import Refusal

from pager_cli.peer import Peer
from pager_cli.sentences import command_failed
from pager_grpc.client.errors import failure
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.runtime.errors import RpcFault

# What the protos promise beside each reason.
METADATA = {
    name: f"<{name}>"
    for name in (
        "field",
        "limit",
        "monitored_service_id",
        "incident_id",
        "request_id",
        "policy_id",
        "refusal",
        "revision",
        "contact_method_id",
        "delivery_id",
        "fault",
        "maintenance_window_id",
        "named_by_id",
        "named_by_kind",
        "named_id",
        "named_kind",
        "override_id",
        "person_id",
        "principal",
        "refused",
        "schedule_id",
        "seconds",
        "shift_swap_id",
        "state",
    )
}


def closed_address():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


async def test_a_server_that_does_not_run_is_named_with_the_way_out(pagerctl):
    address = closed_address()
    done = await pagerctl("services", "--target", address)
    assert done.code == 3
    assert done.err == (
        f"pagerctl: no pager answers at {address}: start it with `pagerd up` or give --target host:port\n"
    )


async def test_a_policy_service_that_does_not_run_is_named_with_its_own_option(pagerctl):
    done = await pagerctl("policy", "list", "--policy-target", closed_address())
    assert done.code == 3
    assert "no policy service answers" in done.err
    assert "--policy-target host:port" in done.err


async def test_a_server_of_another_kind_is_recognised(pagerctl):
    done = await pagerctl("services", "--target", pagerctl.environment["PAGERCTL_POLICY_TARGET"])
    assert done.code == 1
    assert "is no pager of this version: check --target" in done.err


async def test_what_was_never_sent_is_not_said_to_be_stored_perhaps(pagerctl):
    address = closed_address()
    for write in (("raise", "payments", "disk full"), ("maintenance", "create", "payments", "--for", "2h")):
        by = () if write[0] == "raise" else ("--by", "ana")
        done = await pagerctl(*write, *by, "--target", address, "--timeout", "0.5")
        assert (done.code, done.err.count("\n")) == (3, 1)
        assert done.err.endswith("give --target host:port; nothing was sent\n")


@pytest.mark.parametrize(
    "arguments",
    [
        ("incidents", "--service", ""),
        ("explain", "payments", "--person", ""),
        ("oncall", ""),
        ("oncall", "--service", ""),
        ("schedule", "ical", "primary", "--person", ""),
        ("policy", "check", ""),
        ("audit", "--object", ""),
        ("audit", "--since", ""),
    ],
)
async def test_an_empty_filter_does_not_mean_everything(pagerctl, arguments):
    done = await pagerctl(*arguments)
    assert (done.code, done.out) == (2, "")
    assert "must not be empty; it may be left out" in done.err


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, 2),
        (grpc.StatusCode.NOT_FOUND, 1),
        (grpc.StatusCode.FAILED_PRECONDITION, 1),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 1),
        (grpc.StatusCode.PERMISSION_DENIED, 1),
        (grpc.StatusCode.INTERNAL, 3),
        (grpc.StatusCode.UNAVAILABLE, 3),
    ],
)
async def test_exit_codes_follow_the_grpc_code(pagerctl, pager, code, expected):
    pager.script.answers("ListMonitoredServices", Refusal(code, message="two\nlines \x1b[31m"))
    done = await pagerctl("services")
    assert done.code == expected
    assert done.err.count("\n") == 1
    assert "\x1b" not in done.err
    assert done.out == ""


async def test_a_read_is_tried_twice(pagerctl, pager):
    pager.script.answers(
        "ListMonitoredServices", Refusal(grpc.StatusCode.UNAVAILABLE), pb.ListMonitoredServicesResponse()
    )
    assert (await pagerctl("services")).out == "no services yet\n"
    pager.script.answers("ListMonitoredServices", Refusal(grpc.StatusCode.UNAVAILABLE))
    assert (await pagerctl("services")).code == 3
    assert len(pager.script.requests["ListMonitoredServices"]) == 4


@pytest.mark.parametrize("target", ["nonsense", ":50051", "host:", "host:port", "host:65536", "http://127.0.0.1:50051"])
async def test_a_malformed_target_is_a_usage_error(pagerctl, target):
    done = await pagerctl("services", "--target", target)
    assert done.code == 2
    assert "must be host:port" in done.err
    assert done.err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("raise", "payments"),
        ("raise", "payments", "disk full", "--severity", "awful"),
        ("incidents", "--state", "closed"),
        ("incidents", "--all", "--state", "open"),
        ("incidents", "--limit", "0"),
        ("services", "--timeout", "soon"),
        ("page",),
    ],
)
async def test_wrong_usage_is_one_line_and_exit_code_2(pagerctl, arguments):
    done = await pagerctl(*arguments)
    assert done.code == 2
    assert done.out == ""
    assert done.err.count("\n") == 1
    assert "Value error" not in done.err  # the words of a library


async def test_help_documents_the_exit_codes_and_version_answers(pagerctl):
    shown = await pagerctl("--help")
    assert shown.code == 0
    for line in ("0    done", "1    the server refused", "2    the command is wrong", "3    no answer"):
        assert any(shown_line.strip().startswith(line) for shown_line in shown.out.splitlines())
    assert (await pagerctl("--version")).out.startswith("pagerctl")
    nothing = await pagerctl()
    assert (nothing.code, nothing.out) == (2, "")


def test_help_imports_neither_grpc_nor_yaml_nor_asyncio():
    program = (
        "import sys; from pager_cli import pagerctl; code = pagerctl._run(['--help']); "
        "sys.exit(code or len({'grpc', 'yaml', 'google.protobuf', 'asyncio'} & {*sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", program], capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("enum", [pb.ErrorReason, policy_pb.ErrorReason])
def test_every_reason_has_a_sentence_of_its_own_or_says_the_servers(enum):
    for reason in set(enum.keys()[1:]) - {"ERROR_REASON_CODE_SENT_RECENTLY", "ERROR_REASON_CODE_REFUSED"}:
        code = grpc.StatusCode.UNAVAILABLE if "STORE" in reason else grpc.StatusCode.FAILED_PRECONDITION
        fault = RpcFault(code, "the server's own words", reason, METADATA, None)
        sentence = command_failed(Peer("pager", "there:1", "--target", 1), failure(fault)).sentence
        assert "the server's own words" not in sentence, reason


@pytest.mark.parametrize(
    ("more", "begin"),
    [
        ({}, "the schedule 'shop' names the person 'cy'"),
        ({"override_id": "o1"}, "the override 'o1' of the schedule 'shop' names the person 'cy'"),
        ({"shift_swap_id": "s1"}, "the shift swap 's1' of the schedule 'shop' names the person 'cy'"),
    ],
)
def test_who_cannot_be_deleted_yet_is_said_to_be_named_where(more, begin):
    named = {"person_id": "cy", "named_by_kind": "schedule", "named_by_id": "shop", **more}
    fault = RpcFault(grpc.StatusCode.FAILED_PRECONDITION, "", "ERROR_REASON_PERSON_IN_USE", named, None)
    sentence = command_failed(Peer("policy service", "there:1", "--policy-target", 1), failure(fault)).sentence
    assert sentence.startswith(begin)


def test_without_an_output_nothing_is_said_and_the_exit_code_tells_all():
    command = f"exec {shlex.quote(sys.executable)} -m pager_cli.pagerctl services --target 127.0.0.1:1 --timeout 0.1"
    for closed, said in ((">&-", True), (">&- 2>&-", False)):
        ended = subprocess.run(["sh", "-c", f"{command} {closed}"], capture_output=True, text=True, check=False)
        assert (ended.returncode, ended.stderr.startswith("pagerctl: no pager answers")) == (3, said)
        assert "Traceback" not in ended.stderr
