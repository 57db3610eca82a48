"""Arguments and options that commands share."""

import os
from enum import StrEnum
from typing import Annotated

import typer

from pager_cli.completion import service_names
from pager_cli.credentials import is_given


class Severity(StrEnum):
    """How bad it is."""

    CRITICAL = "critical"
    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


class ServiceState(StrEnum):
    """Whether a service works."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"


class IncidentState(StrEnum):
    """How far an incident has come."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class DeliveryState(StrEnum):
    """How far a delivery has come."""

    SENDING = "sending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    DEFERRED = "deferred"
    IN_DOUBT = "in-doubt"
    UNKNOWN = "unknown"


_LAST_PORT = 65535


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if value.startswith(("http://", "https://")):
        raise typer.BadParameter("must be host:port, like 127.0.0.1:50051, without http://")
    # A gRPC name such as unix:/run/pager.sock or dns:///pager:50051 is left to gRPC.
    if not colon or not host or not ("/" in port or (port.isdigit() and int(port) <= _LAST_PORT)):
        raise typer.BadParameter("must be host:port, like 127.0.0.1:50051")
    return value


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - seldom asked

        try:
            typer.echo(f"pagerctl {version('hexagonal-pager')}")
        except PackageNotFoundError:
            typer.echo("pagerctl, not installed: run from a source tree")
        raise typer.Exit


def _known_to_all(file: str) -> str:
    """Every command finds it where the environment would have it."""
    if file:
        os.environ["PAGERCTL_API_KEY_FILE"] = file
    return file


Version = Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")]
ApiKeyFile = Annotated[
    str,
    typer.Option(
        metavar="FILE",
        envvar="PAGERCTL_API_KEY_FILE",
        callback=_known_to_all,
        help="Holds your API key or token; PAGERCTL_API_KEY may hold it instead.",
    ),
]


def somebody(value: str) -> str:
    """Who does it: named, unless a key may say so."""
    if not value and not is_given():
        raise typer.BadParameter("is required, unless an API key says who you are")
    return value


def narrowed(context: typer.Context, parameter: typer.CallbackParam, value: str) -> str:
    """What an answer is narrowed to: something, if it is given; an empty variable of a script does not mean all."""
    source = context.get_parameter_source(parameter.name or "")
    if not value and source is not None and source.name == "COMMANDLINE":
        raise typer.BadParameter("must not be empty; it may be left out")
    return value


Service = Annotated[str, typer.Argument(metavar="SERVICE", help="The monitored service.", autocompletion=service_names)]
RequestId = Annotated[
    str,
    typer.Option(metavar="ID", help="Names this call, so that repeating it changes nothing; made up if not given."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON with the field names of the protos.")]
Timeout = Annotated[
    float,
    typer.Option(metavar="SECONDS", min=0.1, max=3600, help="How long to wait for each answer, retries included."),
]
Limit = Annotated[int, typer.Option(metavar="N", min=1, help="Show at most so many, the newest.")]
Target = Annotated[
    str,
    typer.Option(metavar="HOST:PORT", envvar="PAGERCTL_TARGET", callback=_address, help="Where the pager listens."),
]
PolicyTarget = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        envvar="PAGERCTL_POLICY_TARGET",
        callback=_address,
        help="Where the policy service listens.",
    ),
]
NotifierTarget = Annotated[
    str,
    typer.Option(
        metavar="HOST:PORT",
        envvar="PAGERCTL_NOTIFIER_TARGET",
        callback=_address,
        help="Where the notifier listens.",
    ),
]

DEFAULT_TARGET = "127.0.0.1:50051"
DEFAULT_POLICY_TARGET = "127.0.0.1:50052"
DEFAULT_NOTIFIER_TARGET = "127.0.0.1:50053"
DEFAULT_TIMEOUT = 10.0
