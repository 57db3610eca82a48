"""oncall and schedule list, show, ical, override, swap, answer and delete, against a real policy room."""

import json
import re
from datetime import UTC, datetime

import grpc
import pytest
from cli.conftest import serving
from fakes.verification_sender import FakeVerificationSender
from icalendar import Calendar

from pager_cli.schedule_calendar import by_day, who
from pager_cli.times import stamp, zone_named
from pager_grpc.gen.policy.v1 import people_service_pb2 as people_pb
from pager_grpc.gen.policy.v1 import people_service_pb2_grpc as people_grpc
from pager_grpc.gen.policy.v1 import policy_service_pb2 as policy_pb
from pager_grpc.gen.policy.v1 import policy_service_pb2_grpc as policy_grpc
from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb
from pager_grpc.gen.policy.v1 import schedule_service_pb2_grpc as pb_grpc
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.config import PolicySettings
from pager_grpc.runtime.channels import open_channel

SPAN = ("--from", "now+1h", "--to", "now+2h")


def a_layer(*people, layer_id="primary", unit=pb.Rotation.UNIT_DAY, start="2020-01-01T09:00", **more):
    rotation = pb.Rotation(person_ids=people, unit=unit, start_local_time=start)
    return pb.Layer(layer_id=layer_id, rotation=rotation, **more)


async def _fill(port):
    async with open_channel(f"127.0.0.1:{port}") as channel:
        for name in ("ana", "ben", "cy"):
            method = people_pb.ContactMethod(contact_method_id="mail", email_address=f"{name}@example.com")
            person = people_pb.Person(person_id=name, contact_methods=[method])
            await people_grpc.PeopleServiceStub(channel).CreatePerson(people_pb.CreatePersonRequest(person=person))
        stub = pb_grpc.ScheduleServiceStub(channel)
        shop = pb.Schedule(
            schedule_id="shop", display_name="Shop", time_zone="Asia/Tokyo", layers=[a_layer("ana", unit=3)]
        )
        night = a_layer("ben", restrictions=[pb.Restriction(start_local_time="22:00", end_local_time="06:00")])
        nights = pb.Schedule(schedule_id="nights", time_zone="UTC", layers=[night])
        for schedule in (shop, nights):
            await stub.CreateSchedule(pb.CreateScheduleRequest(schedule=schedule))
        target = policy_pb.NotificationTarget(schedule=policy_pb.ScheduleTarget(schedule_id="shop"))
        policy = policy_pb.EscalationPolicy(
            policy_id="shop", levels=[policy_pb.EscalationLevel(targets=[target])], monitored_service_ids=["checkout"]
        )
        request = policy_pb.CreateEscalationPolicyRequest(escalation_policy=policy)
        await policy_grpc.PolicyServiceStub(channel).CreateEscalationPolicy(request)


@pytest.fixture
async def ctl(pagerctl, tmp_path):
    """``pagerctl`` against a policy room with two schedules."""
    settings = PolicySettings(_env_file=None, POLICY_LISTEN="127.0.0.1:0", PAGERD_DATA=tmp_path)
    async with running_policy(settings, verification_sender=FakeVerificationSender()) as port:
        await _fill(port)

        async def run(*arguments):
            return await pagerctl(*arguments, PAGERCTL_POLICY_TARGET=f"127.0.0.1:{port}")

        yield run


async def test_oncall_says_who_is_on_call_on_every_schedule(ctl):
    done = await ctl("oncall", "--at", "2031-05-05T12:00Z")
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert [line.split()[:2] for line in lines] == [["SCHEDULE", "ON"], ["nights", "nobody"], ["shop", "ana"]]
    assert lines[1].endswith("Mon 2031-05-05 22:00 UTC")
    assert lines[2].endswith("more than a month from then")


async def test_oncall_of_one_schedule_and_as_json(ctl):
    done = await ctl("oncall", "nights", "--at", "2031-05-05T23:00Z", "--json")
    [answer] = json.loads(done.out)["schedules"]
    assert answer["shift"] == {
        "start_time": "2031-05-05T22:00:00Z",
        "end_time": "2031-05-06T06:00:00Z",
        "on_call": [{"person_id": "ben", "layer_id": "primary", "override_id": ""}],
    }
    assert [line.split()[:2] for line in (await ctl("oncall", "shop")).out.splitlines()[1:]] == [["shop", "ana"]]


async def test_oncall_for_a_service_follows_its_policy(ctl):
    done = await ctl("oncall", "--service", "checkout", "--json")
    assert (done.code, json.loads(done.out)["resolved_escalation"]["policy_id"]) == (0, "shop")
    done = await ctl("oncall", "--service", "checkout")
    assert done.out.splitlines()[0] == "policy shop r1"
    assert re.search(r"^1 +nobody +ana \(no verified contact method\)$", done.out, re.MULTILINE)


async def test_schedules_are_listed(ctl):
    done = await ctl("schedule", "list")
    assert [line.split()[:2] for line in done.out.splitlines()] == [
        ["SCHEDULE", "REVISION"],
        ["nights", "r1"],
        ["shop", "r1"],
    ]
    listed = json.loads((await ctl("schedule", "list", "--json")).out)["schedules"]
    assert [schedule["time_zone"] for schedule in listed] == ["UTC", "Asia/Tokyo"]


async def test_a_schedule_is_shown_day_by_day_in_its_zone(ctl):
    done = await ctl("schedule", "show", "nights", "--weeks", "1")
    first, *days = done.out.splitlines()
    assert first == "nights (r1), times of UTC"
    assert len(days) == 8
    assert days[1][14:] == "  ben  06:00 nobody  22:00 ben"
    shown = json.loads((await ctl("schedule", "show", "nights", "--json")).out)
    assert (shown["schedule"]["schedule_id"], shown["shifts"][-1]["end_time"][-1]) == ("nights", "Z")


async def test_an_override_is_made_shown_and_taken_back(ctl):
    done = await ctl("schedule", "override", "shop", *SPAN, "--replace", "cy", "--id", "o-1", "--reason", "dentist")
    assert (done.code, done.out, done.err) == (0, "shop has the override o-1 (r2)\n", "")
    shown = (await ctl("schedule", "show", "shop")).out
    assert "cy*" in shown
    assert re.search(
        r'^\* override o-1: cy instead of whoever is on call, .* JST to .* \("dentist"\)$', shown, re.MULTILINE
    )
    assert json.loads((await ctl("oncall", "shop", "--at", "now+90m", "--json")).out)["schedules"][0]["shift"][
        "on_call"
    ] == [{"person_id": "cy", "layer_id": "primary", "override_id": "o-1"}]
    assert (await ctl("schedule", "delete-override", "shop", "o-1")).out == "shop has no override o-1 any more (r3)\n"
    again = await ctl("schedule", "delete-override", "shop", "o-1")
    assert (again.code, again.out) == (1, "")
    assert again.err.startswith("pagerctl: the schedule 'shop' has no override 'o-1'; `pagerctl schedule show`")


async def test_times_without_an_offset_are_those_of_the_schedule(ctl):
    span = ("--from", "2031-05-05T09:00", "--to", "2031-05-05T10:00")
    done = await ctl("schedule", "override", "shop", *span, "--add", "cy", "--json")
    [override] = json.loads(done.out)["schedule"]["overrides"]
    assert (override["start_time"], override["end_time"]) == ("2031-05-05T00:00:00Z", "2031-05-05T01:00:00Z")
    assert override["override_id"]


async def test_a_swap_is_asked_for_and_answered(ctl):
    asked = await ctl("schedule", "swap", "shop", "ana", "cy", *SPAN, "--id", "s-1")
    assert (asked.code, asked.err) == (0, "")
    assert asked.out == (
        "cy is asked to take over from ana, but is not told: do that yourself\n"
        "then: pagerctl schedule answer shop s-1 accept\n"
    )
    assert "shift swap s-1: ana asks cy, requested" in (await ctl("schedule", "show", "shop")).out
    accepted = await ctl("schedule", "answer", "shop", "s-1", "accept")
    assert (accepted.code, accepted.out) == (0, "shift swap s-1 of shop accepted\n")
    declined = await ctl("schedule", "answer", "shop", "s-1", "decline")
    assert (declined.code, declined.err) == (1, "pagerctl: the shift swap 's-1' of 'shop' is accepted already\n")
    refused = await ctl("schedule", "swap", "shop", "ben", "cy", *SPAN)
    assert (refused.code, refused.err) == (1, "pagerctl: 'ben' is not on call on the schedule 'shop' in that time\n")


async def test_a_calendar_is_printed_as_it_came(ctl):
    done = await ctl("schedule", "ical", "shop")
    assert Calendar.from_ical(done.out).walk("VEVENT")
    of_person = await ctl("schedule", "ical", "--person", "ben", "--json")
    assert len(Calendar.from_ical(json.loads(of_person.out)["calendar"]).walk("VEVENT")) > 50


async def test_a_schedule_is_deleted_unless_a_policy_names_it(ctl):
    kept = await ctl("schedule", "delete", "shop")
    said = "pagerctl: the policy 'shop' names the schedule 'shop'; take it out there first\n"
    assert (kept.code, kept.out, kept.err) == (1, "", said)
    assert (await ctl("schedule", "delete", "nights")).out == "nights deleted\n"
    gone = await ctl("schedule", "show", "nights")
    assert (gone.code, gone.err) == (
        1,
        "pagerctl: there is no schedule 'nights'; `pagerctl schedule list` lists them\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("oncall", "shop", "--service", "checkout"), "contradict each other"),
        (("oncall", "--at", "noon"), "--at: must be a moment like 2026-11-25T03:00"),
        (("schedule", "ical"), "give a SCHEDULE or --person"),
        (("schedule", "override", "shop", *SPAN), "give one of --add, --remove and --replace"),
        (("schedule", "override", "shop", *SPAN, "--add", "a", "--remove", "b"), "give one of --add"),
        (("schedule", "override", "shop", *SPAN, "--add", "a", "--instead-of", "b"), "belongs to --replace"),
        (("schedule", "override", "shop", "--from", "x", "--to", "now", "--add", "ana"), "--from: must be a moment"),
        (
            ("schedule", "override", "shop", "--from", "now+2h", "--to", "now+1h", "--add", "cy"),
            "override.end_time must",
        ),
        (("schedule", "show", "shop", "--weeks", "53"), "--weeks"),
        (("schedule", "answer", "shop", "s-1", "maybe"), "maybe"),
    ],
)
async def test_what_makes_no_sense_is_a_usage_error(ctl, arguments, said):
    done = await ctl(*arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


async def test_a_change_without_an_answer_says_how_to_repeat_it(pagerctl):
    class Lost(pb_grpc.ScheduleServiceServicer):
        async def GetSchedule(self, request, context):  # noqa: N802 - the contract's name
            return pb.GetScheduleResponse(schedule=pb.Schedule(schedule_id="shop", time_zone="UTC"))

        async def CreateOverride(self, request, context):  # noqa: N802 - the contract's name
            await context.abort(grpc.StatusCode.UNAVAILABLE, "lost")

        ListSchedules = UpdateSchedule = CreateSchedule = DeleteSchedule = DeleteOverride = None
        RequestShiftSwap = AnswerShiftSwap = ListShifts = ListOnCall = ExportCalendar = None

    span = ("--from", "2031-05-05T09:00", "--to", "2031-05-05T10:00")
    async with serving(pb_grpc.add_ScheduleServiceServicer_to_server, Lost()) as target:
        arguments = ("schedule", "override", "shop", *span, "--add", "ana", "--id", "o-1", "--timeout", "0.3")
        done = await pagerctl(*arguments, PAGERCTL_POLICY_TARGET=target)
    assert (done.code, done.out) == (3, "")
    assert done.err.endswith("repeat with --id o-1 --from 2031-05-05T09:00:00Z --to 2031-05-05T10:00:00Z\n")


def a_shift(start, end, *people):
    on_call = [pb.OnCall(person_id=person) for person in people]
    return pb.Shift(start_time=stamp(start), end_time=stamp(end), on_call=on_call)


def test_a_day_of_a_clock_change_is_one_line_like_any_other():
    at = lambda day, hour: datetime(2026, 10, day, hour, tzinfo=UTC)  # noqa: E731 - short, and used at once
    shifts = [a_shift(at(24, 10), at(25, 8), "ana"), a_shift(at(25, 8), at(26, 10))]
    days = [
        (f"{day:%d}", [(f"{begin:%H:%M}" if begin else "", [one.person_id for one in s.on_call]) for begin, s in parts])
        for day, parts in by_day(shifts, zone_named("Europe/Berlin"))
    ]
    assert days == [("24", [("", ["ana"])]), ("25", [("", ["ana"]), ("09:00", [])]), ("26", [("", [])])]


def test_a_gap_is_the_word_nobody_in_red():
    [cell] = who([], {})
    assert (cell.text, cell.style) == ("nobody", "bold red")
