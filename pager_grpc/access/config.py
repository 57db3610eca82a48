"""What every room reads about access."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

from pager_grpc.access.service_secret import read_secret, service_key
from pager_grpc.runtime.config import RoomSettings

_ADMIN_KEY_HASH = re.compile(r"([a-z0-9]{4,32}):([0-9a-f]{64})")
_JWT = "PAGERD_JWT_ISSUER, PAGERD_JWT_AUDIENCE and PAGERD_JWKS"


class AccessSettings(RoomSettings):
    """Whether callers must say who they are, and who is believed. Open unless there is TLS."""

    # No secret: the key itself stays with the admin.
    admin_key_hash: str | None = Field(None, alias="PAGERD_ADMIN_KEY_HASH")
    jwt_issuer: str | None = Field(None, alias="PAGERD_JWT_ISSUER")
    jwt_audience: str | None = Field(None, alias="PAGERD_JWT_AUDIENCE", validate_default=True)
    jwks: str | None = Field(None, alias="PAGERD_JWKS", validate_default=True)
    service_secret_file: Path | None = Field(None, alias="PAGERD_SERVICE_SECRET_FILE")
    access: Literal["open", "required"] | None = Field(None, alias="PAGERD_ACCESS")

    @property
    def access_required(self) -> bool:
        """Whether every call is asked who makes it."""
        if self.access is None:
            return self.tls_files is not None
        return self.access == "required"

    @property
    def service_secret(self) -> bytes | None:
        """By what the services know each other where certificates do not say it."""
        return read_secret(self.service_secret_file) if self.service_secret_file is not None else None

    @property
    def own_service_key(self) -> str:
        """What this service shows the others; empty without such a secret."""
        secret = self.service_secret
        return service_key(secret, self.room) if secret is not None else ""

    @field_validator("service_secret_file")
    @classmethod
    def _a_secret(cls, value: Path | None) -> Path | None:
        if value is not None:
            read_secret(value)
        return value

    @field_validator("admin_key_hash")
    @classmethod
    def _an_id_and_a_hash(cls, value: str | None) -> str | None:
        if value is not None and not _ADMIN_KEY_HASH.fullmatch(value):
            raise ValueError("must be what `pagerd admin-key` prints: an id, a colon, 64 hexadecimal digits")
        return value

    @field_validator("jwt_audience", "jwks")
    @classmethod
    def _all_or_none(cls, value: str | None, others: ValidationInfo) -> str | None:
        if (value is None) != (others.data.get("jwt_issuer") is None):
            raise ValueError(f"{_JWT} are given together or not at all")
        return value

    @field_validator("jwks")
    @classmethod
    def _https_or_a_file(cls, value: str | None) -> str | None:
        if value is not None and not value.startswith("https://") and not Path(value).is_file():
            raise ValueError("must be an https address or a file that is there")
        return value

    @field_validator("access")
    @classmethod
    def _not_in_plaintext(cls, value: str | None, others: ValidationInfo) -> str | None:
        # A faulty path is absent from the data, and has a sentence of its own.
        plaintext = "tls_authorities" in others.data and others.data["tls_authorities"] is None
        if value == "required" and plaintext and not others.data.get("insecure"):
            raise ValueError(
                "required needs TLS, else keys could be read on their way; "
                "PAGERD_INSECURE=1 says that something in front of this process does TLS"
            )
        if value == "required" and plaintext and others.data.get("service_secret_file", "") is None:
            raise ValueError(
                "required without TLS needs PAGERD_SERVICE_SECRET_FILE: else the services refuse each other"
            )
        return value
