"""What every room reads about access."""

import re
from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator

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
    access: Literal["open", "required"] | None = Field(None, alias="PAGERD_ACCESS")

    @property
    def access_required(self) -> bool:
        """Whether every call is asked who makes it."""
        if self.access is None:
            return self.tls_files is not None
        return self.access == "required"

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
        return value
