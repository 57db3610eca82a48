"""The configuration of several rooms at once: every fault of all of them in one list, and what they would use."""

import os
import socket
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, cast

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from pager_grpc.daemon.rooms import Room, ServedSettings, settings_kind
from pager_grpc.runtime.config import Address, ConfigurationFault, read_settings, sqlite_file
from pager_grpc.runtime.transport_settings import TransportSettings

if TYPE_CHECKING:
    from pager_grpc.runtime.tls import Tls

CATCH_ALL_EMAIL = "oncall@example.com"
_EVERY_INTERFACE = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 - recognised here, not bound

Configuration = dict[Room, ServedSettings]


class _Given(BaseSettings):
    """What concerns more than one room, in the environment or ``.env``, as yet unchecked."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    catch_all_email: str | None = Field(None, alias="PAGER_CATCH_ALL_EMAIL")
    pager_listen: str = Field("127.0.0.1:50051", alias="PAGER_LISTEN")
    policy_listen: str = Field("127.0.0.1:50052", alias="POLICY_LISTEN")
    notifier_listen: str = Field("127.0.0.1:50053", alias="NOTIFIER_LISTEN")
    policy_target: str | None = Field(None, alias="PAGER_POLICY_TARGET")
    notifier_target: str | None = Field(None, alias="PAGER_NOTIFIER_TARGET")
    codes_target: str | None = Field(None, alias="POLICY_NOTIFIER_TARGET")


def defaults_of_up() -> dict[str, str]:
    """Variables that `pagerd up` adds where nobody gave them: the rooms call each other where they listen."""
    given = _Given()  # type: ignore[call-arg]  # the environment brings the arguments
    defaults = {}
    if given.catch_all_email is None:
        defaults["PAGER_CATCH_ALL_EMAIL"] = CATCH_ALL_EMAIL
    if given.policy_target is None:
        defaults["PAGER_POLICY_TARGET"] = reached_at(given.policy_listen)
    if given.notifier_target is None:
        defaults["PAGER_NOTIFIER_TARGET"] = reached_at(given.notifier_listen)
    if given.codes_target is None:
        defaults["POLICY_NOTIFIER_TARGET"] = reached_at(given.notifier_listen)
    return defaults


def listen_addresses() -> dict[Room, str]:
    """Where each room listens, though the rest of its configuration may be missing here."""
    given = _Given()  # type: ignore[call-arg]  # the environment brings the arguments
    return {Room.PAGER: given.pager_listen, Room.POLICY: given.policy_listen, Room.NOTIFIER: given.notifier_listen}


def tls_of(room: Room) -> "Tls | None":
    """The certificates that ``room`` has on this machine, though the rest of its configuration may be missing here.

    Raises:
        ConfigurationFault: they cannot be used.
    """
    kind: type[TransportSettings] = type("Transport", (TransportSettings,), {"room": room.value})
    if (files := read_settings(kind).tls_files) is None:
        return None
    from pager_grpc.runtime.tls import Tls  # noqa: PLC0415 - without certificates nobody waits for cryptography

    return Tls(files)


def read_configuration(rooms: Sequence[Room], **also: str) -> Configuration:
    """The settings of ``rooms``; ``also`` are variables that nobody has given.

    Raises:
        ConfigurationFault: with every fault of every room, and those between them.
    """
    configuration: Configuration = {}
    faults: list[str] = []
    for room in rooms:
        try:
            configuration[room] = cast("ServedSettings", read_settings(settings_kind(room), **also))
        except ConfigurationFault as fault:
            faults += fault.faults
    faults += _shared(configuration)
    for room, settings in configuration.items():
        faults += [*_unwritable(room, settings), *settings.faults_of_files()]
    if faults:
        raise ConfigurationFault(list(dict.fromkeys(faults)))
    return configuration


def database_urls(rooms: Sequence[Room]) -> dict[Room, str]:
    """Where each of ``rooms`` stores; what `pagerd up` serves without is not asked for here either.

    Raises:
        ConfigurationFault: as ``read_configuration``.
    """
    configuration = read_configuration(rooms, **defaults_of_up())
    return {room: settings.database_url for room, settings in configuration.items()}


def require_free_ports(configuration: Configuration) -> None:
    """Refuses addresses that three processes could not open, before the first of them is started.

    Raises:
        ConfigurationFault: with one sentence for each address.
    """
    faults = [fault for variable, address in _listeners(configuration) for fault in _taken(variable, address)]
    if faults:
        raise ConfigurationFault(faults)


def reached_at(listen: str) -> str:
    """Where a client on this machine reaches a server that listens at ``listen``."""
    host, _, port = listen.rpartition(":")
    return f"{_EVERY_INTERFACE.get(host, host)}:{port}"


def described(room: Room, settings: ServedSettings) -> str:
    """One line that says what ``room`` would use; passwords are starred."""
    from sqlalchemy import make_url  # noqa: PLC0415 - `pagerd up` describes nothing and need not wait for it

    database = make_url(settings.database_url).render_as_string(hide_password=True)
    parts = [*_doors(settings), f"database {database}", *_particulars(settings)]
    return f"{room}: OK, {', '.join(parts)}"


def _doors(settings: ServedSettings) -> Iterator[str]:
    yield f"listens at {settings.listen}{' with mutual TLS' if settings.tls_files else ''}"
    if settings.callers_listen:
        yield f"for callers without a certificate at {settings.callers_listen}"
    if settings.metrics_listen:
        yield f"metrics at {settings.metrics_listen}"
    if settings.access_required:
        yield "every caller says who it is"


def writes_to_mailbox(settings: ServedSettings) -> list[str]:
    """The channels of the notifier that have no provider, so that their pages land in the mailbox folder."""
    providers = {"e-mail": getattr(settings, "smtp_url", None), "SMS": getattr(settings, "sms_url", None)}
    return [channel for channel, provider in providers.items() if provider is None]


def _particulars(settings: ServedSettings) -> Iterator[str]:
    for attribute, words in (
        ("policy_target", "asks policies at"),
        ("notifier_target", "sends through"),
        ("catch_all_email", "pages without a policy go to"),
        ("traces_endpoint", "spans go to"),
    ):
        if (value := getattr(settings, attribute, None)) is not None:
            yield f"{words} {value}"
    if hasattr(settings, "smtp_url"):
        mailbox = writes_to_mailbox(settings)
        yield f"{' and '.join(mailbox)} into {settings.data / 'mailbox'}" if mailbox else "e-mail and SMS by providers"


def _shared(configuration: Configuration) -> Iterator[str]:
    listening: dict[str, str] = {}
    for variable, address in _listeners(configuration):
        if not address.endswith(":0") and (first := listening.setdefault(address, variable)) != variable:
            yield f"{variable}: must differ from {first} ({address})"
    storing: dict[str, Room] = {}
    for room, settings in configuration.items():
        if (other := storing.setdefault(settings.database_url, room)) is not room:
            yield f"{room.upper()}_DATABASE_URL: must differ from that of {other}; each room owns its database"


def _listeners(configuration: Configuration) -> Iterator[tuple[str, Address]]:
    for room, settings in configuration.items():
        yield f"{room.upper()}_LISTEN", settings.listen
        if settings.callers_listen is not None:
            yield f"{room.upper()}_CALLERS_LISTEN", settings.callers_listen
        if settings.metrics_listen is not None:
            yield f"{room.upper()}_METRICS_LISTEN", settings.metrics_listen
        if (calendars := getattr(settings, "calendars_listen", None)) is not None:
            yield f"{room.upper()}_CALENDARS_LISTEN", calendars


def _unwritable(room: Room, settings: ServedSettings) -> Iterator[str]:
    folders = {"PAGERD_DATA": settings.data} if room is Room.NOTIFIER else {}
    if (file := sqlite_file(settings.database_url)) is not None:
        parent = file.parent
        folders["PAGERD_DATA" if parent == settings.data else f"{room.upper()}_DATABASE_URL"] = parent
    for variable, folder in folders.items():
        existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
        if not existing.is_dir() or not os.access(existing, os.W_OK):
            yield f"{variable}: {folder} cannot be written to"


def _taken(variable: str, listen: Address) -> Iterator[str]:
    host, _, port = listen.rpartition(":")
    if port == "0":
        yield f"{variable}: must name a port, so that others find it"
        return
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        reason = error.strerror or str(error)
        yield f"{variable}: {listen} cannot be opened ({reason}); is another process listening there?"
