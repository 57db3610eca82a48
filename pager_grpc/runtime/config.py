"""Configuration from the environment and ``.env``, read once; every fault is reported at once.

A room's ``config.py`` subclasses :class:`RoomSettings`. Nothing below a ``bootstrap.py`` reads the environment.
"""

import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, TypeVar
from urllib.parse import unquote, urlsplit

from pydantic import AfterValidator, Field, ValidationError

from pager_grpc.runtime.limits import ServerLimits
from pager_grpc.runtime.outbound_addresses import Network, networks_of
from pager_grpc.runtime.transport_settings import TransportSettings

MOST_RETENTION_DAYS = 3650
_TRACING = ("opentelemetry.sdk", "opentelemetry.exporter.otlp.proto.common")
_DRIVERS = ("sqlite+aiosqlite", "postgresql+asyncpg")


class ConfigurationFault(Exception):
    """The configuration cannot be used. ``faults`` are sentences that begin with the variable's name."""

    def __init__(self, faults: list[str]) -> None:
        super().__init__("; ".join(faults))
        self.faults = faults


def _database_url(value: str) -> str:
    # By default none is given, and `pagerd up` need not wait for all of SQLAlchemy.
    from sqlalchemy.engine import make_url  # noqa: PLC0415 - see above
    from sqlalchemy.exc import ArgumentError  # noqa: PLC0415 - see above

    try:
        url = make_url(value)
    except ArgumentError as error:
        raise ValueError("is not a database URL") from error
    if url.drivername not in _DRIVERS:
        raise ValueError("must begin with sqlite+aiosqlite:/// or postgresql+asyncpg://")
    if url.drivername == "sqlite+aiosqlite" and not url.database:
        raise ValueError("must name a file: sqlite+aiosqlite:///path/to/file.db")
    return value


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not (colon and host and port.isdigit() and int(port) <= 65535):
        raise ValueError("must be host:port, like 127.0.0.1:50051")
    return value


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even what it would stand in
        return False


def _collector(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or "@" in parts.netloc:
        raise ValueError("must be like http://127.0.0.1:4317 or https://collector.example.com:4317")
    if not all(map(_is_installed, _TRACING)):
        raise ValueError("needs packages that are not installed: pip install 'hexagonal-pager[tracing]'")
    return value


def checked_retention(days: int, least: int) -> int:
    """``days`` if what is over may be forgotten after so long; 0: never."""
    if days and not least <= days <= MOST_RETENTION_DAYS:
        raise ValueError(f"must be 0 (nothing is forgotten) or {least} to {MOST_RETENTION_DAYS} days")
    return days


def _networks(value: str) -> str:
    try:
        networks_of(value)
    except ValueError as error:
        raise ValueError("must be networks like 10.0.0.0/8, separated by commas") from error
    return value


Networks = Annotated[str, AfterValidator(_networks)]
DatabaseUrl = Annotated[str, AfterValidator(_database_url)]
Address = Annotated[str, AfterValidator(_address)]


class RoomSettings(TransportSettings):
    """What every room reads."""

    data: Path = Field(Path("var"), alias="PAGERD_DATA")
    log_level: str = Field("info", alias="PAGERD_LOG_LEVEL", pattern="^(debug|info|warning|error)$")
    reflection: bool = Field(True, alias="PAGERD_REFLECTION")
    allow_data_loss: bool = Field(False, alias="PAGERD_ALLOW_DATA_LOSS")
    # Where spans go, by OTLP over gRPC; and of how many of the traces that begin here.
    traces_endpoint: Annotated[str, AfterValidator(_collector)] | None = Field(None, alias="PAGERD_TRACES_ENDPOINT")
    traces_ratio: float = Field(1.0, alias="PAGERD_TRACES_RATIO", ge=0, le=1)
    given_outbound_allow: Networks = Field("", alias="PAGERD_OUTBOUND_ALLOW")
    # Of one server: connections, calls at once on each; seconds until one is asked to end, is cut, and a call given up.
    connections: int = Field(1000, alias="PAGERD_CONNECTIONS", ge=1, le=100_000)
    streams: int = Field(512, alias="PAGERD_STREAMS", ge=1, le=10_000)
    connection_age: float = Field(1800, alias="PAGERD_CONNECTION_AGE", ge=1, le=86_400)
    connection_grace: float = Field(330, alias="PAGERD_CONNECTION_GRACE", ge=1, le=3600)
    deadline: float = Field(10, alias="PAGERD_DEADLINE", ge=1, le=3600)

    def limits(self, message: int = 64 * 1024) -> ServerLimits:
        """What one caller may take of the server; ``message`` in bytes."""
        return ServerLimits(
            message,
            connections=self.connections,
            streams=self.streams,
            connection_age=self.connection_age,
            connection_grace=self.connection_grace,
        )

    @property
    def outbound_allow(self) -> tuple[Network, ...]:
        """Networks that configured URLs may lead to though they are not public."""
        return networks_of(self.given_outbound_allow)

    @property
    def stream_age(self) -> float:
        """Seconds until a stream ends: well before a connection that is to end is cut."""
        return 0.85 * self.connection_grace

    # Each room has variables of its own for these.
    callers_listen: Address | None = None
    metrics_listen: Address | None = None

    @property
    def database_url(self) -> str:
        """Where its database is."""
        raise NotImplementedError

    def database_url_or(self, given: str | None, name: str) -> str:
        """``given``, or a SQLite file called ``name`` in the data folder."""
        return given or f"sqlite+aiosqlite:///{self.data / name}.db"

    def faults_of_files(self) -> list[str]:
        """Why files that the settings name cannot be used, a sentence for each; a start may make a missing one."""
        return []


def sqlite_file(database_url: str) -> Path | None:
    """The file that ``database_url`` names; None if it names a server."""
    engine, _, file = database_url.partition(":///")
    return Path(unquote(file.partition("?")[0])) if engine == "sqlite+aiosqlite" else None


Settings = TypeVar("Settings", bound=TransportSettings)


def read_settings(kind: type[Settings], **also: str) -> Settings:
    """The settings of a room; ``also`` are variables that nobody has given.

    Raises:
        ConfigurationFault: with one sentence for every variable that is missing or malformed.
    """
    try:
        return kind(**also)  # type: ignore[arg-type]  # the environment brings the others
    except ValidationError as error:
        raise ConfigurationFault([_sentence(kind, fault["loc"], fault["msg"]) for fault in error.errors()]) from error


def exit_with_faults(faults: list[str]) -> int:
    """Prints every fault of the configuration and returns the exit code 2."""
    sys.stderr.write("The configuration cannot be used:\n")
    for fault in dict.fromkeys(faults):
        sys.stderr.write(f"  - {fault}\n")
    return 2


def _sentence(kind: type[TransportSettings], location: tuple[int | str, ...], message: str) -> str:
    name = str(location[0]) if location else kind.__name__
    if name in kind.model_fields:  # of a default the location says the field, of what was given the variable
        name = kind.model_fields[name].alias or name
    return f"{name}: {message.removeprefix('Value error, ').replace('Field required', 'is required')}"
