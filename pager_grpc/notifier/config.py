"""What the notifier room reads from the environment."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator, model_validator

from pager_domain.errors import InvalidField
from pager_domain.kernel import EmailAddress
from pager_domain.notifier.retention import LEAST_KEPT
from pager_grpc.access.config import AccessSettings
from pager_grpc.notifier.places import USUAL_PLACES
from pager_grpc.notifier.smtp_server import SmtpServer
from pager_grpc.runtime.config import Address, DatabaseUrl, checked_retention

_REQUIRED_WITH_A_URL = ("NOTIFIER_EMAIL_FROM", "NOTIFIER_SMS_ACCOUNT", "NOTIFIER_SMS_TOKEN", "NOTIFIER_SMS_FROM")
# What Twilio takes as a sender: a number, a short code, an alphanumeric sender id.
_SMS_SENDER = re.compile(r"\+[1-9][0-9]{6,14}|[0-9]{5,6}|(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")


_PREFIX = re.compile(r"\+[1-9][0-9]{0,6}")


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _prefixes(value: str) -> str:
    if not all(map(_PREFIX.fullmatch, _parts(value))):
        raise ValueError("must be beginnings of numbers like +49, separated by commas")
    return value


class NotifierSettings(AccessSettings):
    """``NOTIFIER_…``, beside what every room reads. A channel without a provider writes into the mailbox folder."""

    room = "notifier"

    listen: Address = Field("127.0.0.1:50053", alias="NOTIFIER_LISTEN")
    # For callers who have a key or a token and no certificate; only with TLS.
    callers_listen: Address | None = Field(None, alias="NOTIFIER_CALLERS_LISTEN")
    metrics_listen: Address | None = Field(None, alias="NOTIFIER_METRICS_LISTEN")
    given_database_url: DatabaseUrl | None = Field(None, alias="NOTIFIER_DATABASE_URL", repr=False)

    # Deliveries are forgotten so many days after they ended; 0: never.
    retention_days: int = Field(30, alias="NOTIFIER_RETENTION_DAYS")

    # Fields are validated in this order: the two URLs before what they require.
    smtp_url: SecretStr | None = Field(None, alias="NOTIFIER_SMTP_URL")
    email_from: str | None = Field(None, alias="NOTIFIER_EMAIL_FROM")
    smtp_sessions: int = Field(USUAL_PLACES, alias="NOTIFIER_SMTP_SESSIONS", ge=1, le=1000)
    sms_url: str | None = Field(None, alias="NOTIFIER_SMS_URL")
    sms_account: str | None = Field(None, alias="NOTIFIER_SMS_ACCOUNT")
    sms_token: SecretStr | None = Field(None, alias="NOTIFIER_SMS_TOKEN")
    sms_from: str | None = Field(None, alias="NOTIFIER_SMS_FROM")
    sms_connections: int = Field(USUAL_PLACES, alias="NOTIFIER_SMS_CONNECTIONS", ge=1, le=1000)

    # Text messages cost money: where they may go, by the beginning of the number, and how many a day; 0: any number.
    given_sms_prefixes: Annotated[str, AfterValidator(_prefixes)] = Field("", alias="NOTIFIER_SMS_PREFIXES")
    sms_per_day: int = Field(0, alias="NOTIFIER_SMS_PER_DAY", ge=0, le=1_000_000)

    @property
    def sms_prefixes(self) -> list[str]:
        """How a number must begin; none: any number."""
        return _parts(self.given_sms_prefixes)

    @property
    def database_url(self) -> str:
        """The database, by default a SQLite file in the data folder."""
        return self.database_url_or(self.given_database_url, "notifier")

    @model_validator(mode="before")
    @classmethod
    def _look_at_what_is_missing(cls, given: dict[str, Any]) -> dict[str, Any]:
        # Only what is given is validated under the variable's name, and a missing one must be reported by name too.
        return dict.fromkeys(_REQUIRED_WITH_A_URL) | given

    @field_validator("retention_days")
    @classmethod
    def _long_enough(cls, value: int) -> int:
        return checked_retention(value, LEAST_KEPT.days)

    @field_validator("smtp_url")
    @classmethod
    def _a_mail_server(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            SmtpServer.from_url(value.get_secret_value())
        return value

    @field_validator("sms_url")
    @classmethod
    def _a_web_address(cls, value: str | None) -> str | None:
        if value is not None:
            parts = urlsplit(value)
            if parts.scheme not in ("http", "https") or not parts.hostname:
                raise ValueError("must begin with https:// or http:// and name a host")
            if parts.username or parts.query or parts.fragment:
                raise ValueError("must not hold credentials, a query or a fragment")
        return value

    @field_validator("email_from")
    @classmethod
    def _with_mail_server(cls, value: str | None, info: ValidationInfo) -> str | None:
        _require(value, info, "smtp_url", "NOTIFIER_SMTP_URL")
        try:
            return EmailAddress(value).value if value is not None else None
        except InvalidField as fault:
            raise ValueError(fault.limit) from None

    @field_validator("sms_account", "sms_token")
    @classmethod
    def _with_gateway(cls, value: Any, info: ValidationInfo) -> Any:
        _require(value, info, "sms_url", "NOTIFIER_SMS_URL")
        return value

    @field_validator("sms_from")
    @classmethod
    def _number_with_gateway(cls, value: str | None, info: ValidationInfo) -> str | None:
        _require(value, info, "sms_url", "NOTIFIER_SMS_URL")
        if value is not None and not _SMS_SENDER.fullmatch(value):
            raise ValueError("must be an E.164 phone number, a short code or a name of at most 11 letters and digits")
        return value


def _require(value: object, info: ValidationInfo, field: str, variable: str) -> None:
    # A URL that was given but is faulty is absent from the data; what goes with it is asked for all the same.
    if value is None and info.data.get(field, variable) is not None:
        raise ValueError(f"is required when {variable} is set")
