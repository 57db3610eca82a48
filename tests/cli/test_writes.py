"""raise, ack and healthy: said once however often they are tried."""

import json
import uuid

import grpc
import pytest
from cli.scripted_servers import HANGS, Refusal, an_incident
from google.protobuf.timestamp_pb2 import Timestamp

from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

UNAVAILABLE = Refusal(grpc.StatusCode.UNAVAILABLE)


def raised(**fields):
    return pb.RaiseAlertResponse(**{"incident": an_incident(), "opened": True, "alert_count": 1, **fields})


async def test_an_alert_is_raised_with_all_that_was_said(pagerctl, pager, tmp_path):
    pager.script.answers("RaiseAlert", raised())
    details = tmp_path / "details.txt"
    details.write_text("df says 100 %\nÄrger", encoding="utf-8")
    done = await pagerctl(
        *("raise", "payments", "disk full", "--severity", "WARNING", "--details", f"@{details}"),
        *("--link", "https://a.example", "--link", "https://b.example", "--dedup-key", "disk", "--request-id", "r1"),
    )
    assert (done.code, done.err) == (0, "")
    assert done.out == "payments is unhealthy: incident inc-1 opened\n"
    assert pager.script.requests["RaiseAlert"] == [
        pb.RaiseAlertRequest(
            monitored_service_id="payments",
            message="disk full",
            severity=pb.Incident.SEVERITY_WARNING,
            details="df says 100 %\nÄrger",
            links=[pb.Link(url="https://a.example"), pb.Link(url="https://b.example")],
            dedup_key="disk",
            request_id="r1",
        )
    ]


async def test_details_come_from_standard_input(pagerctl, pager):
    pager.script.answers("RaiseAlert", raised())
    assert (await pagerctl("raise", "payments", "disk full", "--details", "-", stdin=b"a\nb\n")).code == 0
    assert pager.script.requests["RaiseAlert"][0].details == "a\nb\n"


def at(moment):
    timestamp = Timestamp()
    timestamp.FromJsonString(moment)
    return timestamp


FUTURE, PAST = at("2100-03-01T14:30:00Z"), at("2026-03-01T02:12:04Z")
ACKNOWLEDGED = {"state": pb.Incident.STATE_ACKNOWLEDGED, "acknowledged_by": "ana"}


@pytest.mark.parametrize(
    ("severity", "fields", "silence"),
    [
        ("critical", {}, "nobody is paged for it"),
        (
            "critical",
            {"next_escalation_time": FUTURE},
            "nobody is paged for it, its next level is due at 2100-03-01 15:30:00 CET",
        ),
        ("info", {}, "its severity stays critical; nobody is paged for it"),
        ("critical", ACKNOWLEDGED, "nobody is paged for it, ana has it"),
        ("critical", {"hold_end_time": FUTURE}, "nobody is paged before 2100-03-01 15:30:00 CET (snoozed)"),
        (
            "critical",
            {"hold_end_time": FUTURE, "maintenance_window_id": "w1"},
            "nobody is paged before 2100-03-01 15:30:00 CET (maintenance window w1)",
        ),
        (
            "critical",
            ACKNOWLEDGED | {"hold_end_time": FUTURE},
            "nobody is paged for it, ana has it; nobody is paged before 2100-03-01 15:30:00 CET (snoozed)",
        ),
        # As of an incident that an alert continued, when its levels begin anew.
        ("critical", {"next_escalation_time": PAST}, "its next level is due now"),
    ],
)
async def test_a_second_alert_says_that_nobody_is_paged_for_it_and_why(pagerctl, pager, severity, fields, silence):
    answer = pb.RaiseAlertResponse(incident=an_incident(**fields), alert_count=3)
    pager.script.answers("RaiseAlert", answer)
    done = await pagerctl("raise", "payments", "disk full", "--severity", severity)
    assert done.out == f"payments is unhealthy: incident inc-1 goes on, it has taken 3 alerts; {silence}\n"
    assert silence not in (await pagerctl("raise", "payments", "disk full", "--severity", severity, "--json")).out


async def test_an_incident_that_opens_into_a_hold_says_so(pagerctl, pager):
    pager.script.answers("RaiseAlert", raised(incident=an_incident(hold_end_time=FUTURE)))
    done = await pagerctl("raise", "payments", "disk full")
    assert done.out.endswith("incident inc-1 opened; nobody is paged before 2100-03-01 15:30:00 CET (snoozed)\n")


async def test_the_help_of_raise_does_not_promise_a_page_for_each_alert(pagerctl):
    shown = " ".join((await pagerctl("raise", "--help")).out.split())
    assert "every severity pages" not in shown
    assert "On a service that has one the alert is counted and kept, and pages nobody." in shown


async def test_a_write_is_repeated_with_the_same_request_id(pagerctl, pager):
    pager.script.answers("RaiseAlert", UNAVAILABLE, Refusal(grpc.StatusCode.DEADLINE_EXCEEDED), raised())
    done = await pagerctl("raise", "payments", "disk full")
    assert (done.code, done.err) == (0, "")
    tried = [request.request_id for request in pager.script.requests["RaiseAlert"]]
    assert len(tried) == 3
    assert len(set(tried)) == 1
    assert uuid.UUID(tried[0]).version == 4


async def test_a_server_that_hangs_leaves_time_for_another_attempt(pagerctl, pager):
    pager.script.answers("RaiseAlert", HANGS, raised())
    done = await pagerctl("raise", "payments", "disk full", "--timeout", "3")
    assert done.code == 0
    assert len(pager.script.requests["RaiseAlert"]) == 2


async def test_an_unknown_outcome_says_how_to_repeat_the_write(pagerctl, pager):
    pager.script.answers("RaiseAlert", UNAVAILABLE)
    done = await pagerctl("raise", "payments", "disk full", "--timeout", "0.5", "--request-id", "r1")
    assert done.code == 3
    assert done.err.count("\n") == 1
    assert "may or may not be stored: repeat with --request-id r1" in done.err


async def test_a_refused_write_is_not_repeated(pagerctl, pager):
    pager.script.answers(
        "RaiseAlert",
        Refusal(
            grpc.StatusCode.INVALID_ARGUMENT,
            "ERROR_REASON_INVALID_FIELD",
            {"field": "message", "limit": "must be at most 1024 bytes"},
        ),
    )
    done = await pagerctl("raise", "payments", "x" * 2000)
    assert (done.code, done.err) == (2, "pagerctl: message must be at most 1024 bytes\n")
    assert len(pager.script.requests["RaiseAlert"]) == 1


async def test_json_of_a_write_has_the_names_of_the_proto(pagerctl, pager):
    pager.script.answers("RaiseAlert", raised(opened=False))
    document = json.loads((await pagerctl("raise", "payments", "disk full", "--json")).out)
    assert document["opened"] is False
    assert document["alert_count"] == "1"
    assert document["incident"]["monitored_service_id"] == "payments"
    assert document["incident"]["state"] == "STATE_OPEN"


async def test_the_first_person_keeps_the_incident(pagerctl, pager):
    incident = an_incident(acknowledged_by="ana")
    pager.script.answers(
        "Acknowledge",
        pb.AcknowledgeResponse(incident=incident, acknowledged=True),
        pb.AcknowledgeResponse(incident=incident),
    )
    first = await pagerctl("ack", "payments", "--by", "ana", "--note", "on it", "--incident", "inc-1")
    second = await pagerctl("ack", "payments", "--by", "ben")
    assert first.out == "incident inc-1 of payments acknowledged by ana\n"
    assert second.out == "incident inc-1 of payments had been acknowledged before by ana\n"
    request = pager.script.requests["Acknowledge"][0]
    assert (request.acknowledged_by, request.note, request.incident_id) == ("ana", "on it", "inc-1")
    assert request.request_id


async def test_who_acknowledges_must_be_said(pagerctl):
    done = await pagerctl("ack", "payments", USER="ana")
    assert done.code == 2
    assert "--by" in done.err
    assert done.err.count("\n") == 1


async def test_nothing_to_acknowledge_is_a_refusal(pagerctl, pager):
    pager.script.answers(
        "Acknowledge",
        Refusal(
            grpc.StatusCode.FAILED_PRECONDITION,
            "ERROR_REASON_NO_OPEN_INCIDENT",
            {"monitored_service_id": "payments"},
        ),
    )
    done = await pagerctl("ack", "payments", "--by", "ana")
    assert (done.code, done.err) == (1, "pagerctl: there is nothing to do: 'payments' has no open incident\n")


async def test_healthy_says_what_changed(pagerctl, pager):
    pager.script.answers(
        "MarkHealthy", pb.MarkHealthyResponse(incident=an_incident(), resolved=True), pb.MarkHealthyResponse()
    )
    assert (await pagerctl("healthy", "payments")).out == "payments is healthy again: incident inc-1 resolved\n"
    assert (await pagerctl("healthy", "payments")).out == "payments was healthy already\n"


async def test_what_a_program_wrote_in_colours_is_raised_without_them(pagerctl, pager):
    pager.script.answers("RaiseAlert", pb.RaiseAlertResponse(opened=True, incident=an_incident()))
    written = b"\x1b[31mFATAL\x1b[0m disk \x1b[1;33mfull\x1b[K\n"
    assert (await pagerctl("raise", "payments", "disk full", "--details", "-", stdin=written)).code == 0
    assert pager.script.requests["RaiseAlert"][0].details == "FATAL disk full\n"


async def test_a_file_without_an_end_is_read_no_further_than_any_can_be_taken(pagerctl, pager):
    for arguments in (("raise", "payments", "disk full", "--details", "@/dev/zero"), ("plan", "/dev/zero")):
        done = await pagerctl(*arguments)
        assert (done.code, done.out) == (2, "")
        assert "'/dev/zero' is larger than 16 MiB" in done.err
    key = await pagerctl("services", "--api-key-file", "/dev/zero")
    assert (key.code, key.out) == (2, "")
    assert pager.script.requests["RaiseAlert"] == []


async def test_details_that_cannot_be_read_are_a_usage_error(pagerctl, tmp_path):
    (tmp_path / "latin").write_bytes(b"\xe4")
    missing = await pagerctl("raise", "payments", "disk full", "--details", f"@{tmp_path / 'none'}")
    latin = await pagerctl("raise", "payments", "disk full", "--details", f"@{tmp_path / 'latin'}")
    assert (missing.code, latin.code) == (2, 2)
    assert "cannot be read: No such file or directory" in missing.err
    assert "is not UTF-8 text" in latin.err


async def test_arguments_that_are_not_utf8_are_a_usage_error(pagerctl):
    done = await pagerctl("raise", "payments", b"\xff")
    assert (done.code, done.err) == (2, "pagerctl: the arguments are not UTF-8 text\n")
