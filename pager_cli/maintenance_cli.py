"""``pagerctl maintenance …``: while services are worked on nobody is paged for them."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported by the commands that need it

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from pager_cli import options as opt
from pager_cli.intervention_cli import By, a_duration, a_moment, pager_at
from pager_cli.running import run

maintenance_app = typer.Typer(rich_markup_mode=None)


class Day(StrEnum):
    """A day of the week."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


@maintenance_app.command("create")
def create(
    services: Annotated[list[str], typer.Argument(metavar="SERVICE...", help="The monitored services; 1 to 100.")],
    by: By = "",
    for_: Annotated[str, typer.Option("--for", metavar="DURATION", help="How long it lasts, like 2h.")] = "",
    from_: Annotated[
        str, typer.Option("--from", metavar="TIME", help="When it starts, like now+1d; now if not given.")
    ] = "",
    until: Annotated[str, typer.Option(metavar="TIME", help="When it ends, instead of --for.")] = "",
    at: Annotated[str, typer.Option(metavar="HH:MM", help="It comes again at this wall-clock time; with --for.")] = "",
    zone: Annotated[str, typer.Option(metavar="ZONE", help="Of --at, like Europe/Berlin; UTC if not given.")] = "",
    day: Annotated[list[Day] | None, typer.Option(case_sensitive=False, help="Of --at; may be repeated.")] = None,
    reason: Annotated[str, typer.Option(metavar="TEXT", help="Why.")] = "",
    request_id: opt.RequestId = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Page nobody for these services for a while: once, or again and again.

    Alerts are taken all the same; what is broken at the end pages then.
    """
    from pager_cli import maintenance

    when: maintenance.Schedule
    if at:
        if from_ or until or not for_:
            raise typer.BadParameter("--at goes with --for, and neither with --from nor with --until")
        when = maintenance.recurring(at, a_duration("--for", for_), zone or "UTC", day or [])
    else:
        if zone or day:
            raise typer.BadParameter(
                "--day and --zone belong to --at HH:MM; without it the window would not come again"
            )
        if bool(for_) == bool(until):
            raise typer.BadParameter("give --for or --until, one of them")
        when = maintenance.one_off(*_span(from_, for_, until))
    return run(
        maintenance.create(
            pager_at(target, timeout),
            services,
            when,
            by=by,
            reason=reason,
            request_id=request_id,
            relative=not at and (not from_ or from_.startswith("now")),
            as_machine=json,
        )
    )


def _span(from_: str, for_: str, until: str) -> tuple[datetime, datetime]:
    now = datetime.now(UTC)
    start = a_moment("--from", from_ or "now", now)
    if until:
        return start, a_moment("--until", until, now)
    try:
        return start, start + a_duration("--for", for_)
    except OverflowError as error:
        raise typer.BadParameter("--from and --for must end before the year 10000") from error


@maintenance_app.command("list")
def list_(
    target: opt.Target = opt.DEFAULT_TARGET, timeout: opt.Timeout = opt.DEFAULT_TIMEOUT, json: opt.AsJson = False
) -> int:
    """List the maintenance windows."""
    from pager_cli.maintenance import list_windows

    return run(list_windows(pager_at(target, timeout), as_machine=json))


@maintenance_app.command("delete")
def delete(
    window: Annotated[str, typer.Argument(metavar="WINDOW", help="Its id; `pagerctl maintenance list` has it.")],
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """End a window early: what it held is paged now."""
    from pager_cli.maintenance import delete as command

    return run(command(pager_at(target, timeout), window, as_machine=json))
