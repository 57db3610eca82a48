"""``pagerctl schedule …`` and ``pagerctl oncall``: who is on call when."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported by the commands that need it

from enum import StrEnum
from typing import Annotated

import typer

from pager_cli.options import DEFAULT_POLICY_TARGET, DEFAULT_TIMEOUT, AsJson, PolicyTarget, Timeout, narrowed
from pager_cli.peer import Peer

schedule_app = typer.Typer(rich_markup_mode=None)

ScheduleId = Annotated[str, typer.Argument(metavar="SCHEDULE", help="The schedule.")]
From = Annotated[
    str,
    typer.Option("--from", metavar="TIME", help="From when: 2026-11-02T09:00 in the schedule's zone, now, or now+8h."),
]
To = Annotated[str, typer.Option("--to", metavar="TIME", help="Up to when.")]
ChangeId = Annotated[
    str,
    typer.Option("--id", metavar="ID", help="Names this change, so that repeating it is safe; made up if not given."),
]
Reason = Annotated[str, typer.Option(metavar="TEXT", help="Why.")]


class SwapAnswer(StrEnum):
    """What may be said to a shift swap."""

    ACCEPT = "accept"
    DECLINE = "decline"
    WITHDRAW = "withdraw"


def _peer(target: str, timeout: float) -> Peer:
    return Peer("policy service", target, "--policy-target", timeout)


def on_call(
    schedule: Annotated[
        str, typer.Argument(metavar="[SCHEDULE]", callback=narrowed, help="The schedule; every one if not given.")
    ] = "",
    service: Annotated[
        str,
        typer.Option(
            metavar="SERVICE", callback=narrowed, help="Whom the policy of this service reaches, level by level."
        ),
    ] = "",
    at: Annotated[str, typer.Option(metavar="TIME", help="When: 2026-11-02T09:00 in your zone, or now+8h.")] = "now",
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Say who is on call, now or at another time."""
    from pager_cli.on_call import print_on_call, print_on_call_for_service
    from pager_cli.running import run

    if schedule and service:
        raise typer.BadParameter("SCHEDULE and --service contradict each other; give one of them")
    peer = _peer(policy_target, timeout)
    if service:
        return run(print_on_call_for_service(peer, service, at=at, as_machine=json))
    return run(print_on_call(peer, schedule, at=at, as_machine=json))


@schedule_app.command("list")
def list_(
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET, timeout: Timeout = DEFAULT_TIMEOUT, json: AsJson = False
) -> int:
    """List the schedules."""
    from pager_cli.running import run
    from pager_cli.schedules import list_schedules

    return run(list_schedules(_peer(policy_target, timeout), as_machine=json))


@schedule_app.command("show")
def show(
    schedule: ScheduleId,
    weeks: Annotated[int, typer.Option(metavar="N", min=1, max=52, help="How far ahead.")] = 4,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Show who is on call on each of the next days, in the schedule's zone.

    A star stands behind whom an override brought in.
    """
    from pager_cli.running import run
    from pager_cli.schedules import show_schedule

    return run(show_schedule(_peer(policy_target, timeout), schedule, weeks=weeks, as_machine=json))


@schedule_app.command("ical")
def ical(
    schedule: Annotated[str, typer.Argument(metavar="[SCHEDULE]", help="The schedule.")] = "",
    person: Annotated[
        str, typer.Option(metavar="PERSON", callback=narrowed, help="One person's duties on every schedule instead.")
    ] = "",
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Print a calendar file: the last month and the next two."""
    from pager_cli.running import run
    from pager_cli.schedules import print_ical

    if bool(schedule) == bool(person):
        raise typer.BadParameter("give a SCHEDULE or --person")
    return run(print_ical(_peer(policy_target, timeout), schedule_id=schedule, person_id=person, as_machine=json))


@schedule_app.command("override")
def override(
    schedule: ScheduleId,
    start: From,
    end: To,
    add: Annotated[str, typer.Option(metavar="PERSON", help="Somebody more.")] = "",
    remove: Annotated[str, typer.Option(metavar="PERSON", help="Somebody less.")] = "",
    replace: Annotated[str, typer.Option(metavar="PERSON", help="Somebody in the place of whoever is on call.")] = "",
    instead_of: Annotated[str, typer.Option(metavar="PERSON", help="With --replace: only in this one's place.")] = "",
    reason: Reason = "",
    change_id: ChangeId = "",
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Change who is on call for a time."""
    from pager_cli.running import run
    from pager_cli.schedule_changes import Span, create_override
    from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb

    if sum(map(bool, (add, remove, replace))) != 1:
        raise typer.BadParameter("give one of --add, --remove and --replace")
    if instead_of and not replace:
        raise typer.BadParameter("--instead-of belongs to --replace")
    wanted = pb.Override(override_id=change_id, reason=reason)
    if add:
        wanted.add.person_id = add
    elif remove:
        wanted.remove.person_id = remove
    else:
        wanted.replace.person_id, wanted.replace.replaced_person_id = replace, instead_of
    peer = _peer(policy_target, timeout)
    return run(create_override(peer, schedule, wanted, Span(start, end), as_machine=json))


@schedule_app.command("delete-override")
def delete_override_(
    schedule: ScheduleId,
    override_id: Annotated[str, typer.Argument(metavar="ID", help="The override.")],
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Take an override back."""
    from pager_cli.running import run
    from pager_cli.schedule_changes import delete_override

    return run(delete_override(_peer(policy_target, timeout), schedule, override_id, as_machine=json))


@schedule_app.command("swap")
def swap(
    schedule: ScheduleId,
    giver: Annotated[str, typer.Argument(metavar="PERSON", help="Who gives the duty away.")],
    taker: Annotated[str, typer.Argument(metavar="OTHER", help="Who is asked to take it.")],
    start: From,
    end: To,
    reason: Reason = "",
    change_id: ChangeId = "",
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Ask somebody to take over for a time; nothing changes until that person accepts.

    The Pager does not tell that person: do it yourself.
    """
    from pager_cli.running import run
    from pager_cli.schedule_changes import Span, request_swap
    from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb

    wanted = pb.ShiftSwap(shift_swap_id=change_id, from_person_id=giver, to_person_id=taker, reason=reason)
    return run(request_swap(_peer(policy_target, timeout), schedule, wanted, Span(start, end), as_machine=json))


@schedule_app.command("answer")
def answer_(
    schedule: ScheduleId,
    shift_swap: Annotated[str, typer.Argument(metavar="ID", help="The shift swap.")],
    answer: Annotated[SwapAnswer, typer.Argument(case_sensitive=False, help="What is said to it.")],
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Accept, decline or withdraw a shift swap."""
    from pager_cli.running import run
    from pager_cli.schedule_changes import answer_swap
    from pager_grpc.gen.policy.v1 import schedule_service_pb2 as pb

    states = {
        SwapAnswer.ACCEPT: pb.ShiftSwap.STATE_ACCEPTED,
        SwapAnswer.DECLINE: pb.ShiftSwap.STATE_DECLINED,
        SwapAnswer.WITHDRAW: pb.ShiftSwap.STATE_WITHDRAWN,
    }
    return run(answer_swap(_peer(policy_target, timeout), schedule, shift_swap, states[answer], as_machine=json))


@schedule_app.command("delete")
def delete(
    schedule: ScheduleId,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """End a schedule that no policy names."""
    from pager_cli.running import run
    from pager_cli.schedule_changes import delete_schedule

    return run(delete_schedule(_peer(policy_target, timeout), schedule, as_machine=json))
