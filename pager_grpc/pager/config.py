"""What the pager room reads from the environment."""

import base64
import binascii
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress
from pager_domain.pager.retention import LEAST_KEPT
from pager_domain.token_bucket import TokenBucket
from pager_grpc.access.config import AccessSettings
from pager_grpc.runtime.config import Address, ConfigurationFault, DatabaseUrl, checked_retention, sqlite_file
from pager_grpc.runtime.lanes import Lane
from pager_grpc.runtime.secret_files import read_secret


def _email_address(value: str) -> str:
    try:
        return EmailAddress(value).value
    except InvalidField as error:
        raise ValueError(error.limit) from error


def _web_address(value: SecretStr) -> SecretStr:
    if not value.get_secret_value().startswith(("http://", "https://")):
        raise ValueError("must begin with http:// or https://")
    return value


def _retention_days(value: int) -> int:
    return checked_retention(value, LEAST_KEPT.days)


def is_key(value: str) -> bool:
    """Whether ``value`` can seal addresses: 32 bytes in base64url, as `pagerd key` prints them."""
    try:
        return len(base64.b64decode(value, altchars=b"-_", validate=True)) == 32
    except (binascii.Error, ValueError):
        return False


def _address_keys(value: SecretStr | None, others: ValidationInfo) -> SecretStr | None:
    file, database_url = others.data.get("address_key_file"), others.data.get("given_database_url")
    if value is None:
        if file is None and database_url and sqlite_file(database_url) is None:
            raise ValueError("is required on PostgreSQL, where all replicas must share it; `pagerd key` makes one")
        return None
    if file is not None:
        raise ValueError("must not be given together with PAGER_ADDRESS_KEY_FILE")
    if not all(map(is_key, value.get_secret_value().split(","))):
        raise ValueError("must be keys as `pagerd key` prints them, separated by commas")
    return value


_USUAL_RAISE_RATE = 10.0
Places = Annotated[int, Field(ge=1, le=100_000)]


class PagerSettings(AccessSettings):
    """``PAGER_LISTEN``, ``PAGER_POLICY_TARGET`` and the rest, beside what every room reads."""

    room = "pager"

    listen: Address = Field("127.0.0.1:50051", alias="PAGER_LISTEN")
    # For callers who have a key or a token and no certificate; only with TLS.
    callers_listen: Address | None = Field(None, alias="PAGER_CALLERS_LISTEN")
    metrics_listen: Address | None = Field(None, alias="PAGER_METRICS_LISTEN")
    policy_target: Address = Field("127.0.0.1:50052", alias="PAGER_POLICY_TARGET")
    notifier_target: Address = Field("127.0.0.1:50053", alias="PAGER_NOTIFIER_TARGET")
    # Seconds a firing waits for the policy service before it acts on what it knows.
    policy_deadline: Annotated[float, Field(ge=0.1, le=10)] = Field(0.5, alias="PAGER_POLICY_DEADLINE")
    given_database_url: DatabaseUrl | None = Field(None, alias="PAGER_DATABASE_URL", repr=False)
    # Required: without it a service that no policy covers would page nobody.
    catch_all_email: Annotated[str, AfterValidator(_email_address)] = Field(alias="PAGER_CATCH_ALL_EMAIL")

    # In an overload: calls at once, and as many that wait a moment; see docs/security.md.
    raise_places: Places = Field(256, alias="PAGER_RAISE_PLACES")
    raise_streams: Places = Field(64, alias="PAGER_RAISE_STREAMS")
    read_places: Places = Field(4, alias="PAGER_READ_PLACES")
    administration_places: Places = Field(2, alias="PAGER_ADMINISTRATION_PLACES")
    watchers: Places = Field(64, alias="PAGER_WATCHERS")

    # Alerts a second and at once, of each caller with a key or token; given, also of all others together; 0: of nobody.
    given_raise_rate: Annotated[float, Field(ge=0, le=1_000_000)] | None = Field(None, alias="PAGER_RAISE_RATE")
    raise_burst: Places = Field(100, alias="PAGER_RAISE_BURST")

    # Of what one recipient is owed in a storm so many messages go one by one; 0: all of them.
    burst: Annotated[int, Field(ge=0, le=1000)] = Field(6, alias="PAGER_BURST")
    # Resolved incidents are forgotten after so many days; 0: never.
    retention_days: Annotated[int, AfterValidator(_retention_days)] = Field(90, alias="PAGER_RETENTION_DAYS")
    # Secret: whoever knows it can feign that paging works.
    heartbeat_url: Annotated[SecretStr, AfterValidator(_web_address)] | None = Field(None, alias="PAGER_HEARTBEAT_URL")

    # Addresses are stored sealed: the first key seals, each opens. Without either, SQLite has a file of its own.
    address_key_file: Path | None = Field(None, alias="PAGER_ADDRESS_KEY_FILE")
    address_keys: Annotated[SecretStr | None, AfterValidator(_address_keys)] = Field(
        None, alias="PAGER_ADDRESS_KEYS", validate_default=True
    )

    @property
    def places(self) -> dict[Lane, int]:
        """Calls at once, by lane. Alerts of low severity have half of the places of the others."""
        return {
            Lane.RAISE: self.raise_places,
            Lane.RAISE_LOW: max(1, self.raise_places // 2),
            Lane.RAISE_STREAM: self.raise_streams,
            Lane.ADMINISTRATION: self.administration_places,
            Lane.READ: self.read_places,
            Lane.WATCH: self.watchers,
        }

    @property
    def raise_rate(self) -> TokenBucket | None:
        """Of each caller; None: nobody is limited."""
        per_second = _USUAL_RAISE_RATE if self.given_raise_rate is None else self.given_raise_rate
        return TokenBucket(per_second, self.raise_burst) if per_second else None

    @property
    def own_key_file(self) -> Path:
        """Where a pager on SQLite keeps the key that it made itself."""
        return self.data / "pager-addresses.key"

    @property
    def database_url(self) -> str:
        """The database, by default a SQLite file in the data folder."""
        return self.database_url_or(self.given_database_url, "pager")

    def faults_of_files(self) -> list[str]:
        """Of the keys that seal addresses."""
        if self.address_keys is not None or (self.address_key_file is None and not self.own_key_file.exists()):
            return []
        try:
            keys_in_file(self)
        except ConfigurationFault as fault:
            return fault.faults
        return []


def keys_in_file(settings: PagerSettings) -> list[str]:
    """The keys in the file that the settings name, or in the pager's own one; the first seals.

    Raises:
        ConfigurationFault: it cannot be read, is open to every user, or holds something else.
    """
    named = settings.address_key_file
    variable, file = ("PAGERD_DATA", settings.own_key_file) if named is None else ("PAGER_ADDRESS_KEY_FILE", named)
    keys = read_secret(variable, file).split()
    if not keys or not all(map(is_key, keys)):
        raise ConfigurationFault([f"{variable}: {file} must hold keys as `pagerd key` prints them, one a line"])
    return keys
