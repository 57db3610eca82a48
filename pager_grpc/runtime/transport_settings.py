"""How a process talks: over TLS, or in plaintext on this machine alone unless somebody says otherwise."""

from collections.abc import Iterator
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import ClassVar

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from pager_grpc.runtime.tls_files import TlsFiles

_ALL = "PAGERD_TLS_CERT, PAGERD_TLS_KEY and PAGERD_TLS_CA"
_PLAINTEXT = f"set {_ALL}, or PAGERD_INSECURE=1 if everybody in that network may read and change what is said"


class TransportSettings(BaseSettings):
    """Certificates of this process; all three files or none. ``{room}`` in a path stands for the room's name."""

    model_config = SettingsConfigDict(env_file=".env", extra="ignore", frozen=True, env_ignore_empty=True)

    room: ClassVar[str] = ""

    # Validated in this order: a key is compared with its certificate, an address needs to know whether there is TLS.
    insecure: bool = Field(False, alias="PAGERD_INSECURE")
    tls_certificate: Path | None = Field(None, alias="PAGERD_TLS_CERT")
    tls_key: Path | None = Field(None, alias="PAGERD_TLS_KEY", validate_default=True)
    tls_authorities: Path | None = Field(None, alias="PAGERD_TLS_CA", validate_default=True)

    @property
    def tls_files(self) -> TlsFiles | None:
        """The files of this process; None: it talks in plaintext."""
        if self.tls_authorities is None:
            return None
        return TlsFiles(self.tls_authorities, self.tls_certificate, self.tls_key)

    @field_validator("tls_certificate", "tls_key", "tls_authorities", mode="before")
    @classmethod
    def _of_this_room(cls, value: object) -> object:
        return value if value is None else str(value).replace("{room}", cls.room)

    @field_validator("tls_certificate")
    @classmethod
    def _usable_certificate(cls, value: Path | None) -> Path | None:
        if value is not None:
            from pager_grpc.runtime.certificates import read_chain  # noqa: PLC0415 - cryptography is slow to import

            read_chain(value, cls.room or None, datetime.now(UTC))
        return value

    @field_validator("tls_key")
    @classmethod
    def _usable_key(cls, value: Path | None, others: ValidationInfo) -> Path | None:
        certificate = others.data.get("tls_certificate")
        if value is None or certificate is None:
            return _all_or_none(value, "tls_certificate", others)
        from pager_grpc.runtime.certificates import read_chain, read_key  # noqa: PLC0415 - see above

        read_key(value, read_chain(certificate, None, datetime.now(UTC))[1])
        return value

    @field_validator("tls_authorities")
    @classmethod
    def _usable_authorities(cls, value: Path | None, others: ValidationInfo) -> Path | None:
        if value is not None:
            from pager_grpc.runtime.certificates import read_authorities  # noqa: PLC0415 - see above

            read_authorities(value, datetime.now(UTC))
        return _all_or_none(value, "tls_certificate", others)

    @field_validator(
        "listen",
        "metrics_listen",
        "calendars_listen",
        "callers_listen",
        "policy_target",
        "notifier_target",
        check_fields=False,  # not every room has all of them
    )
    @classmethod
    def _plaintext_stays_here(cls, value: str | None, others: ValidationInfo) -> str | None:
        # A faulty path is absent from the data: it has its own sentence, this address needs none.
        plaintext = "tls_authorities" in others.data and others.data["tls_authorities"] is None
        if value is None or not plaintext:
            return value
        if others.field_name == "callers_listen":
            raise ValueError(f"needs {_ALL}; in plaintext every caller comes to the other address")
        if not others.data.get("insecure") and not all(map(is_loopback, hosts_of(value))):
            raise ValueError(f"{value} is beyond this machine and the connection is plaintext; {_PLAINTEXT}")
        return value


def hosts_of(address: str) -> Iterator[str]:
    """The hosts of ``host:port``, or of a gRPC name with several such as ``ipv4:host:port,host:port``."""
    scheme, colon, rest = address.partition(":")
    listed = rest if colon and scheme in ("ipv4", "ipv6", "dns") else address
    for one in listed.rpartition("/")[2].split(","):
        yield one.rpartition(":")[0].strip("[]")


def is_loopback(host: str) -> bool:
    """Whether what is said to ``host`` stays on this machine; names other than localhost are not looked up."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _all_or_none(value: Path | None, other: str, others: ValidationInfo) -> Path | None:
    # A certificate that was given but is faulty is absent from the data.
    given = others.data.get(other, other) is not None
    if value is None and given:
        raise ValueError(f"is required: {_ALL} are given together")
    if value is not None and not given:
        raise ValueError(f"is given without PAGERD_TLS_CERT: {_ALL} are given together")
    return value
