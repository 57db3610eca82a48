"""``pagerctl person …``: who may be paged, and how."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC and YAML are imported by the commands that need them

from typing import Annotated

import typer

from pager_cli.options import DEFAULT_POLICY_TARGET, DEFAULT_TIMEOUT, AsJson, PolicyTarget, Timeout
from pager_cli.peer import Peer

person_app = typer.Typer(rich_markup_mode=None)

PersonId = Annotated[str, typer.Argument(metavar="PERSON", help="The person.")]
Address = typer.Option(metavar="ID=ADDRESS", help="Adds a contact method, or changes its address; may be repeated.")
Steps = typer.Option(
    metavar="STEPS", help="Contact methods, each with how long after: mail,phone@3m; `default` for no rule."
)


def _peer(target: str, timeout: float) -> Peer:
    return Peer("policy service", target, "--policy-target", timeout)


@person_app.command("list")
def list_(
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET, timeout: Timeout = DEFAULT_TIMEOUT, json: AsJson = False
) -> int:
    """List people and which of their contact methods are verified."""
    from pager_cli.people import list_people
    from pager_cli.running import run

    return run(list_people(_peer(policy_target, timeout), as_machine=json))


@person_app.command("show")
def show(
    person: PersonId,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Print one person, as a file that `apply` takes."""
    from pager_cli.people import show_person
    from pager_cli.running import run

    return run(show_person(_peer(policy_target, timeout), person, as_machine=json))


@person_app.command("set")
def set_(
    person: PersonId,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name for people.")] = None,
    zone: Annotated[str | None, typer.Option(metavar="ZONE", help="An IANA time zone like Europe/Berlin.")] = None,
    email: Annotated[list[str] | None, Address] = None,
    sms: Annotated[list[str] | None, Address] = None,
    remove: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Removes a contact method; may be repeated.")
    ] = None,
    high: Annotated[str | None, Steps] = None,
    low: Annotated[str | None, Steps] = None,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Create a person, or change what is given and leave the rest.

    --high is the rule for severity critical and error, --low the one for warning and info. A file says more:
    `pagerctl person show` prints one and `pagerctl apply` takes it.
    """
    from pager_cli.people import set_person
    from pager_cli.person_changes import PersonChanges
    from pager_cli.running import run

    changes = PersonChanges.read(name, zone, email or [], sms or [], remove or [], high, low)
    return run(set_person(_peer(policy_target, timeout), person, changes, as_machine=json))


@person_app.command("delete")
def delete(
    person: PersonId,
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """End a person whom no schedule and no policy names."""
    from pager_cli.people import delete_person
    from pager_cli.running import run

    return run(delete_person(_peer(policy_target, timeout), person, as_machine=json))


@person_app.command("verify")
def verify(
    person: PersonId,
    method: Annotated[str, typer.Argument(metavar="METHOD", help="The contact method.")],
    code: Annotated[str, typer.Option(metavar="CODE", help="The six digits that came; without it they are sent.")] = "",
    policy_target: PolicyTarget = DEFAULT_POLICY_TARGET,
    timeout: Timeout = DEFAULT_TIMEOUT,
    json: AsJson = False,
) -> int:
    """Show that messages to a contact method arrive: have a code sent, then bring it back.

    Only verified contact methods are paged.
    """
    from pager_cli.people import bring_code, send_code
    from pager_cli.running import run

    peer = _peer(policy_target, timeout)
    if code:
        return run(bring_code(peer, person, method, code, as_machine=json))
    return run(send_code(peer, person, method, as_machine=json))
