"""``pagerctl audit``: what was changed of the configuration, when and by whom."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported by the commands that need it

from datetime import UTC, datetime
from typing import Annotated

import typer

from pager_cli import options as opt
from pager_cli.peer import Peer

_EVERYWHERE = ("policy", "pager", "notifier")
ROOMS_OF = {
    "policy": ("policy",),
    "person": ("policy",),
    "schedule": ("policy",),
    "maintenance": ("pager",),
    "key": _EVERYWHERE,
    "": _EVERYWHERE,
}
"""Which services record changes of a kind; the empty one stands for all."""


def audit(
    changed: Annotated[
        str,
        typer.Option(
            "--object",
            metavar="KIND[/ID]",
            callback=opt.narrowed,
            help="Only of a policy, person, schedule, maintenance window or key, like person/ana.",
        ),
    ] = "",
    since: Annotated[
        str,
        typer.Option(
            metavar="DURATION|TIME",
            callback=opt.narrowed,
            help="Only from then on: so long ago, like 7d, or 2026-11-25T03:00.",
        ),
    ] = "",
    limit: opt.Limit = 50,
    target: opt.Target = opt.DEFAULT_TARGET,
    policy_target: opt.PolicyTarget = opt.DEFAULT_POLICY_TARGET,
    notifier_target: opt.NotifierTarget = opt.DEFAULT_NOTIFIER_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Show who changed what of policies, people, schedules, maintenance windows and keys.

    The newest comes first. Addresses are told by a hint.
    """
    from pager_cli.audit import list_changes
    from pager_cli.running import run

    kind, _, object_id = changed.partition("/")
    if kind not in ROOMS_OF:
        raise typer.BadParameter("must begin with policy, person, schedule, maintenance or key", param_hint="--object")
    places = {"pager": (target, "--target"), "policy": (policy_target, "--policy-target")}
    places["notifier"] = (notifier_target, "--notifier-target")
    peers = [Peer(room, *places[room], timeout) for room in ROOMS_OF[kind]]
    moment = _moment(since)
    return run(list_changes(peers, kind, object_id, since=moment, limit=limit, as_machine=json))


def _moment(since: str) -> datetime | None:
    from pager_cli.moments import parse_moment

    if not since:
        return None
    ago = f"now-{since}" if since[0].isdigit() and "-" not in since else since
    try:
        return parse_moment(ago, datetime.now(UTC))
    except ValueError as error:
        raise typer.BadParameter(f"must be a duration like 7d or a moment: {error}", param_hint="--since") from error
