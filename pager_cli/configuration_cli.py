"""``pagerctl plan``, ``apply``, ``export`` and ``schema``: configuration as code."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC and YAML are imported by the commands that need them

from typing import Annotated

import typer

from pager_cli.options import DEFAULT_POLICY_TARGET, DEFAULT_TIMEOUT, AsJson, PolicyTarget, Timeout
from pager_cli.outcome import OK
from pager_cli.peer import Peer

File = Annotated[
    str, typer.Argument(metavar="FILE", help="A YAML file with people, schedules and policies; - is standard input.")
]
Prune = Annotated[bool, typer.Option("--prune", help="Delete what is stored and not in the file.")]


def add_configuration_commands(app: typer.Typer) -> None:
    """Adds the commands to ``app``."""
    app.command("plan")(plan)
    app.command("apply")(apply)
    app.command("export")(export)
    app.command("schema")(schema)


def _peer(target: str, timeout: float) -> Peer:
    return Peer("policy service", target, "--policy-target", timeout)


def plan(
    file: File,
    prune: Prune = False,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Show what applying a file would change, and whose time on call."""
    from pager_cli.configuration import plan_file
    from pager_cli.running import run

    return run(plan_file(_peer(policy_target, timeout), file, pruned=prune, as_machine=json))


def apply(
    file: File,
    prune: Prune = False,
    base_etag: Annotated[
        str, typer.Option(metavar="ETAG", help="Refuse if anything has changed since the plan that showed it (--json).")
    ] = "",
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Make people, schedules and policies what a file says, all of it or nothing.

    Applying it again changes nothing. What is not in the file stays, unless --prune is given.
    """
    from pager_cli.configuration import apply_file
    from pager_cli.running import run

    peer = _peer(policy_target, timeout)
    return run(apply_file(peer, file, pruned=prune, base_etag=base_etag, as_machine=json))


def export(
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET, timeout: Timeout = DEFAULT_TIMEOUT, json: AsJson = False
) -> int:
    """Print people, schedules and policies as a file that `apply` takes.

    Overrides and shift swaps are not in it; `pagerctl schedule show` shows them.
    """
    from pager_cli.configuration import export
    from pager_cli.running import run

    return run(export(_peer(policy_target, timeout), as_machine=json))


def schema() -> int:
    """Print the JSON schema of the file, for editors."""
    from pager_cli.configuration import print_schema

    print_schema()
    return OK
