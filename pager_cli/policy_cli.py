"""``pagerctl policy …``: whom to page."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC and YAML are imported by the commands that need them

from typing import Annotated

import typer

from pager_cli.options import (
    DEFAULT_POLICY_TARGET,
    DEFAULT_TARGET,
    DEFAULT_TIMEOUT,
    AsJson,
    PolicyTarget,
    Target,
    Timeout,
    narrowed,
)
from pager_cli.peer import Peer

policy_app = typer.Typer(rich_markup_mode=None)

PolicyId = Annotated[str, typer.Argument(metavar="ID", help="The policy.")]


def _peer(target: str, timeout: float) -> Peer:
    return Peer("policy service", target, "--policy-target", timeout)


@policy_app.command("list")
def list_(
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET, timeout: Timeout = DEFAULT_TIMEOUT, json: AsJson = False
) -> int:
    """List the policies and the services they cover."""
    from pager_cli.policies import list_policies
    from pager_cli.running import run

    return run(list_policies(_peer(policy_target, timeout), as_machine=json))


@policy_app.command("show")
def show(
    policy_id: PolicyId,
    target: Target = DEFAULT_TARGET,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Print one policy, as a file that `apply` takes, and which revisions unresolved incidents keep."""
    from pager_cli.policies import show_policy
    from pager_cli.running import run

    pager = Peer("pager", target, "--target", timeout)
    return run(show_policy(_peer(policy_target, timeout), pager, policy_id, as_machine=json))


@policy_app.command("delete")
def delete(
    policy_id: PolicyId,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """End a policy; incidents that have it keep it."""
    from pager_cli.policies import delete_policy
    from pager_cli.running import run

    return run(delete_policy(_peer(policy_target, timeout), policy_id, as_machine=json))


@policy_app.command("check")
def check(
    policy_id: Annotated[
        str, typer.Argument(metavar="[ID]", callback=narrowed, help="Only this policy; every one if not given.")
    ] = "",
    days: Annotated[float, typer.Option(metavar="DAYS", min=0.05, max=92, help="How far to look ahead.")] = 14,
    strict: Annotated[bool, typer.Option("--strict", help="A warning is a failure too.")] = False,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Look ahead: would every page reach somebody?

    Ends with 1 if there is a time at which nobody would be reached, so that it can stand in a pipeline.
    """
    from pager_cli.reachability import check_policies
    from pager_cli.running import run

    peer = _peer(policy_target, timeout)
    return run(check_policies(peer, policy_id, days=days, strict=strict, as_machine=json))
