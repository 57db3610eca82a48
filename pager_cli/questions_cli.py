"""``pagerctl policy preview`` and ``pagerctl explain``: who would be paged, and why somebody was or was not."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported by the commands that need it

from typing import Annotated

import typer

from pager_cli.options import (
    DEFAULT_POLICY_TARGET,
    DEFAULT_TARGET,
    DEFAULT_TIMEOUT,
    AsJson,
    PolicyTarget,
    Service,
    Severity,
    Target,
    Timeout,
    narrowed,
)
from pager_cli.peer import Peer


def add_question_commands(app: typer.Typer, policy_app: typer.Typer) -> None:
    """Adds the commands to ``app`` and to its group of policies."""
    app.command("explain")(explain)
    policy_app.command("preview")(preview)


def _peer(target: str, timeout: float) -> Peer:
    return Peer("pager", target, "--target", timeout)


def preview(
    service: Service,
    at: Annotated[
        str, typer.Option(metavar="TIME", help="When the alert would come, like 2026-11-25T03:00 or now+2h.")
    ] = "now",
    ack_after: Annotated[
        str, typer.Option(metavar="DURATION", help="Somebody acknowledges so long after it, like 7m; else nobody does.")
    ] = "",
    severity: Annotated[
        Severity,
        typer.Option(case_sensitive=False, help="How bad it would be; warnings page by the rule of low urgency."),
    ] = Severity.CRITICAL,
    target: Target = DEFAULT_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Show who would be paged by an alert: when, how and why. Nobody is.

    The rules are those that page; people are those who are on call at each moment, by the schedules as they are now.
    Maintenance windows are not looked at.
    """
    from pager_cli.intervention_cli import a_duration
    from pager_cli.questions import preview
    from pager_cli.running import run

    span = a_duration("--ack-after", ack_after) if ack_after else None
    asked = preview(_peer(target, timeout), service, severity=severity, at=at, acknowledged_after=span, as_machine=json)
    return run(asked)


def explain(
    incident: Annotated[
        str, typer.Argument(metavar="INCIDENT", help="The incident; of a service, its newest one is meant.")
    ],
    person: Annotated[
        str, typer.Option(metavar="WHO", callback=narrowed, help="Only why this person was, or was not, paged.")
    ] = "",
    target: Target = DEFAULT_TARGET,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Say why an incident paged whom it paged, and why not somebody else.

    The policy service is asked whether there is a person whom the timeline does not name.
    """
    from pager_cli.questions import explain
    from pager_cli.running import run

    policy = Peer("policy service", policy_target, "--policy-target", timeout)
    return run(explain(_peer(target, timeout), policy, incident, person=person, as_machine=json))
