"""``pagerctl``: raise, acknowledge, look. Each command only gathers its arguments; its body is imported when called."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC and YAML are imported by the commands that need them

import os
import sys
from typing import Annotated

import typer

from pager_cli import intervention_cli
from pager_cli import options as opt
from pager_cli.audit_cli import audit
from pager_cli.configuration_cli import add_configuration_commands
from pager_cli.key_cli import key_app
from pager_cli.maintenance_cli import maintenance_app
from pager_cli.outcome import BUG, OK, USAGE
from pager_cli.peer import Peer
from pager_cli.person_cli import person_app
from pager_cli.policy_cli import policy_app
from pager_cli.questions_cli import add_question_commands
from pager_cli.running import complain, run
from pager_cli.schedule_cli import on_call, schedule_app
from pager_cli.status_cli import status

app = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False)
app.add_typer(key_app, name="key", help="Say who may call: create, list, revoke, rotate.")
app.add_typer(maintenance_app, name="maintenance", help="Page nobody for a while: create, list, delete.")
app.add_typer(person_app, name="person", help="Say who may be paged, and how: list, show, set, delete, verify.")
app.add_typer(schedule_app, name="schedule", help="Say who is on call when: list, show, ical, override, swap, answer.")
app.command("oncall")(on_call)
app.command("audit")(audit)
app.add_typer(
    policy_app, name="policy", help="Whom to page: list, show, preview, check, delete; `plan` and `apply` change it."
)


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context,
    version: opt.Version = False,  # noqa: ARG001 - its callback does it all
    api_key_file: opt.ApiKeyFile = "",  # noqa: ARG001 - likewise
) -> None:
    """Raise alerts, acknowledge them and see who was paged, from a terminal or a script.

    The servers are found at --target, --policy-target and --notifier-target, or where PAGERCTL_TARGET,
    PAGERCTL_POLICY_TARGET and PAGERCTL_NOTIFIER_TARGET say; `pagerd up` starts all three on this machine.
    Where they ask who calls, PAGERCTL_API_KEY or --api-key-file says it.

    \b
    Exit codes:
      0    done
      1    the server refused: no such thing, nothing to acknowledge, over a limit; a check that failed
      2    the command is wrong: usage, a malformed or too long value, a faulty file
      3    no answer: a write may or may not be stored, repeat it with its --request-id
      70   a fault of pagerctl itself
      130  interrupted by Ctrl-C; `watch` ends with 0
      141  the reader of the output has gone
    """  # noqa: D301 - click keeps the lines of a paragraph that begins with a backspace
    if context.invoked_subcommand is None:
        typer.echo(context.get_help(), err=True)
        raise typer.Exit(USAGE)


def _peer(target: str, timeout: float) -> Peer:
    return Peer("pager", target, "--target", timeout)


@app.command("raise")
def raise_(
    service: opt.Service,
    message: Annotated[str, typer.Argument(metavar="MESSAGE", help="The headline; at most 1 KiB.")],
    severity: Annotated[
        opt.Severity,
        typer.Option(case_sensitive=False, help="How bad it is; an incident keeps that of the alert that opened it."),
    ] = opt.Severity.CRITICAL,
    details: Annotated[
        str, typer.Option(metavar="TEXT|@FILE|-", help="What else is known; a file, or - for standard input.")
    ] = "",
    link: Annotated[list[str] | None, typer.Option(metavar="URL", help="A page that helps; may be repeated.")] = None,
    dedup_key: Annotated[
        str, typer.Option(metavar="KEY", help="Your key for the same trouble: kept, but opens no second incident.")
    ] = "",
    request_id: opt.RequestId = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Say that a service is broken.

    An alert on a healthy service opens an incident, or the one just resolved again, whatever its severity: whoever is
    on call is paged, level by level, until somebody answers. On a service that has one the alert is counted and kept,
    and pages nobody. A snooze or a maintenance window puts pages off.
    """
    from pager_cli.alerts import raise_alert

    return run(
        raise_alert(
            _peer(target, timeout),
            service,
            message,
            severity=severity,
            details=details,
            links=link or [],
            dedup_key=dedup_key,
            request_id=request_id,
            as_machine=json,
        )
    )


@app.command("ack")
def ack(
    service: opt.Service,
    by: Annotated[
        str, typer.Option(metavar="WHO", callback=opt.somebody, help="Who has it; you, if your key says so.")
    ] = "",
    incident: Annotated[str, typer.Option(metavar="ID", help="The incident meant; the open one if not given.")] = "",
    note: Annotated[str, typer.Option(metavar="TEXT", help="What that person says.")] = "",
    request_id: opt.RequestId = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Say that somebody has it; the escalation stops."""
    from pager_cli.alerts import acknowledge

    peer = _peer(target, timeout)
    return run(
        acknowledge(peer, service, by=by, incident_id=incident, note=note, request_id=request_id, as_machine=json)
    )


@app.command("healthy")
def healthy(
    service: opt.Service,
    request_id: opt.RequestId = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Say that a service is fine again.

    Its incident is resolved and nobody else is paged.
    """
    from pager_cli.alerts import mark_healthy

    return run(mark_healthy(_peer(target, timeout), service, request_id=request_id, as_machine=json))


app.command("status")(status)
app.command("snooze")(intervention_cli.snooze)
app.command("escalate")(intervention_cli.escalate)
app.command("reassign")(intervention_cli.reassign)


@app.command("services")
def services(
    state: Annotated[
        list[opt.ServiceState] | None, typer.Option(case_sensitive=False, help="Only these; may be repeated.")
    ] = None,
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """List the services that were ever heard of."""
    from pager_cli.incidents import list_services

    return run(list_services(_peer(target, timeout), states=state or [], as_machine=json))


@app.command("service")
def service_(
    service: opt.Service,
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Show one service and its newest incidents."""
    from pager_cli.incidents import show_service

    return run(show_service(_peer(target, timeout), service, as_machine=json))


@app.command("incidents")
def incidents(
    service: Annotated[
        str, typer.Option(metavar="SERVICE", callback=opt.narrowed, help="Only those of this service.")
    ] = "",
    state: Annotated[
        list[opt.IncidentState] | None, typer.Option(case_sensitive=False, help="Only these; may be repeated.")
    ] = None,
    all_: Annotated[bool, typer.Option("--all", help="Resolved ones too.")] = False,
    limit: opt.Limit = 50,
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """List incidents, the newest first.

    Those that are not resolved are listed, unless --state or --all says otherwise.
    """
    from pager_cli.incidents import list_incidents

    if all_ and state:
        raise typer.BadParameter("--all and --state contradict each other; give one of them")
    unresolved = [opt.IncidentState.OPEN, opt.IncidentState.ACKNOWLEDGED]
    states = [] if all_ else state or unresolved
    return run(list_incidents(_peer(target, timeout), service=service, states=states, limit=limit, as_machine=json))


@app.command("show")
def show(
    incident: Annotated[
        str, typer.Argument(metavar="INCIDENT", help="Its id, or a service: then its newest incident.")
    ],
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Show an incident and its timeline.

    The timeline says who was notified when, and what became of each page.
    """
    from pager_cli.incidents import show_incident

    return run(show_incident(_peer(target, timeout), incident, as_machine=json))


@app.command("watch")
def watch_(
    resume_token: Annotated[
        str, typer.Option(metavar="TOKEN", help="Go on after the event that --json printed with this resume_token.")
    ] = "",
    target: opt.Target = opt.DEFAULT_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Print events as they happen, until Ctrl-C.

    A lost connection is made again, going on after the last event. The timeout is for the first connection. With
    --json each event is one object on one line.
    """
    from pager_cli.watch import watch

    return run(watch(_peer(target, timeout), resume_token=resume_token, as_machine=json), interrupted=OK)


@app.command("deliveries")
def deliveries(
    state: Annotated[
        list[opt.DeliveryState] | None, typer.Option(case_sensitive=False, help="Only these; may be repeated.")
    ] = None,
    limit: opt.Limit = 50,
    notifier_target: opt.NotifierTarget = opt.DEFAULT_NOTIFIER_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """List what was handed to mail and SMS providers.

    The newest comes first.
    """
    from pager_cli.deliveries import list_deliveries

    peer = Peer("notifier", notifier_target, "--notifier-target", timeout)
    return run(list_deliveries(peer, states=state or [], limit=limit, as_machine=json))


add_question_commands(app, policy_app)
add_configuration_commands(app)


def main() -> None:
    """Runs the command line and exits with one of the codes that ``pagerctl --help`` lists."""
    for stream, name in ((sys.stdout, "stdout"), (sys.stderr, "stderr")):
        if stream is None:  # closed by whoever started it; what is said goes nowhere then
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: PTH123, SIM115 - until the end
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    if any("\ud800" <= character <= "\udfff" for argument in arguments for character in argument):
        complain("the arguments are not UTF-8 text")
        return USAGE
    try:
        return app(arguments, prog_name="pagerctl", standalone_mode=False) or OK
    except typer.TyperException as error:
        said = error.format_message().replace("Value error, ", "", 1)  # pydantic's, of what is none of the choices
        complain(f"{said} (`pagerctl --help` and `pagerctl COMMAND --help` explain)")
        return USAGE
    except Exception as error:
        if os.environ.get("PAGERCTL_DEBUG"):
            raise
        complain(f"a fault of pagerctl itself: {type(error).__name__}: {error}; PAGERCTL_DEBUG=1 shows where")
        return BUG


if __name__ == "__main__":
    main()
