"""``pagerctl key …``: who may call the Pager."""

# ruff: noqa: PLC0415 - `pagerctl --help` must be instant, so gRPC is imported by the commands that need it

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer

from pager_cli import options as opt
from pager_cli.intervention_cli import a_duration, a_moment
from pager_cli.peer import Peer

key_app = typer.Typer(rich_markup_mode=None)


class Role(StrEnum):
    """What kind of caller it is."""

    INTEGRATION = "integration"
    RESPONDER = "responder"
    ADMIN = "admin"
    SERVICE = "service"


class Verb(StrEnum):
    """What a call does."""

    RAISE = "raise"
    RESOLVE = "resolve"
    RESPOND = "respond"
    READ = "read"
    MAINTAIN = "maintain"
    CONFIGURE = "configure"
    SEND = "send"
    ADMINISTER = "administer"


class Room(StrEnum):
    """A service of the Pager."""

    PAGER = "pager"
    POLICY = "policy"
    NOTIFIER = "notifier"


_KNOWN_TO = {
    Role.INTEGRATION: (Room.PAGER,),
    Role.RESPONDER: tuple(Room),
    Role.ADMIN: tuple(Room),
    Role.SERVICE: (Room.POLICY, Room.NOTIFIER),
}
Key = Annotated[str, typer.Argument(metavar="KEY", help="Its id, the middle part; `pagerctl key list` has it.")]
Rooms = Annotated[list[Room] | None, typer.Option("--room", case_sensitive=False, help="Only there; may be repeated.")]


def _peers(
    rooms: tuple[Room, ...], target: str, policy_target: str, notifier_target: str, timeout: float
) -> list[Peer]:
    places = {
        Room.PAGER: (target, "--target"),
        Room.POLICY: (policy_target, "--policy-target"),
        Room.NOTIFIER: (notifier_target, "--notifier-target"),
    }
    return [Peer(room.value, *places[room], timeout) for room in rooms]


@key_app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="What it is for; a person's or a program's name.")],
    role: Annotated[Role, typer.Option(case_sensitive=False, help="What kind of caller holds it.")],
    service: Annotated[
        list[str] | None, typer.Option(metavar="SERVICE", help="It may touch this one only; may be repeated.")
    ] = None,
    verb: Annotated[
        list[Verb] | None, typer.Option(case_sensitive=False, help="It may do this only; may be repeated.")
    ] = None,
    person: Annotated[str, typer.Option(metavar="PERSON", help="Whom a responder acts as.")] = "",
    expires: Annotated[
        str, typer.Option(metavar="DURATION|TIME|never", help="Until then it counts, like 90d or 2027-03-01T09:00.")
    ] = "90d",
    room: Rooms = None,
    target: opt.Target = opt.DEFAULT_TARGET,
    policy_target: opt.PolicyTarget = opt.DEFAULT_POLICY_TARGET,
    notifier_target: opt.NotifierTarget = opt.DEFAULT_NOTIFIER_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Make an API key and print it, once: on standard output stands nothing else.

    An integration's key is made known to the pager, a responder's and an admin's to all three services, a service's to
    policy and notifier. The secret stays here; they get its hash.
    """
    from pager_cli import keys
    from pager_cli.running import run
    from pager_cli.times import stamp
    from pager_grpc.gen.access.v1 import access_service_pb2 as pb

    key = pb.ApiKey(
        name=name,
        role=pb.ApiKey.Role.Value(f"ROLE_{role.name}"),
        monitored_service_ids=service or [],
        verbs=[pb.ApiKey.Verb.Value(f"VERB_{each.name}") for each in verb or []],
        person_id=person,
    )
    if expires != "never":
        key.expire_time.CopyFrom(stamp(_until(expires)))
    peers = _peers(tuple(room or _KNOWN_TO[role]), target, policy_target, notifier_target, timeout)
    return run(keys.create(peers, key, as_machine=json))


@key_app.command("list")
def list_(
    room: Rooms = None,
    target: opt.Target = opt.DEFAULT_TARGET,
    policy_target: opt.PolicyTarget = opt.DEFAULT_POLICY_TARGET,
    notifier_target: opt.NotifierTarget = opt.DEFAULT_NOTIFIER_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """List the keys, those that count no more as well; nobody can see their secrets."""
    from pager_cli.keys import list_keys
    from pager_cli.running import run

    peers = _peers(tuple(room or Room), target, policy_target, notifier_target, timeout)
    return run(list_keys(peers, as_machine=json))


@key_app.command("revoke")
def revoke(
    key: Key,
    in_: Annotated[str, typer.Option("--in", metavar="DURATION", help="Not before, like 24h; now if not given.")] = "",
    room: Rooms = None,
    target: opt.Target = opt.DEFAULT_TARGET,
    policy_target: opt.PolicyTarget = opt.DEFAULT_POLICY_TARGET,
    notifier_target: opt.NotifierTarget = opt.DEFAULT_NOTIFIER_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """End a key wherever it is known; each replica refuses it within 5 seconds, and its streams end."""
    from pager_cli.keys import revoke as command
    from pager_cli.running import run

    at = datetime.now(UTC) + a_duration("--in", in_) if in_ else None
    peers = _peers(tuple(room or Room), target, policy_target, notifier_target, timeout)
    return run(command(peers, key, at, as_machine=json))


@key_app.command("rotate")
def rotate(
    key: Key,
    overlap: Annotated[str, typer.Option(metavar="DURATION", help="So long the old one counts on.")] = "24h",
    target: opt.Target = opt.DEFAULT_TARGET,
    policy_target: opt.PolicyTarget = opt.DEFAULT_POLICY_TARGET,
    notifier_target: opt.NotifierTarget = opt.DEFAULT_NOTIFIER_TARGET,
    timeout: opt.Timeout = opt.DEFAULT_TIMEOUT,
    json: opt.AsJson = False,
) -> int:
    """Make a key like another one, print it once, and end the old one after an overlap."""
    from pager_cli.keys import rotate as command
    from pager_cli.running import run

    peers = _peers(tuple(Room), target, policy_target, notifier_target, timeout)
    return run(command(peers, key, a_duration("--overlap", overlap), as_machine=json))


def _until(expires: str) -> datetime:
    now = datetime.now(UTC)
    if expires[:4].isdigit() and "-" in expires:
        return a_moment("--expires", expires, now)
    return now + a_duration("--expires", expires)
