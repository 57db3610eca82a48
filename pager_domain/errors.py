"""The errors that every room shares.

Errors carry data; the sentence is made from the data::

    DomainError
    ├── InvalidField            a value is malformed or over its limit
    ├── StoreUnavailable        the database cannot be reached; a write may or may not be stored
    └── …                       each room's own, in its ``errors.py``

Each error has one gRPC code and one reason on the wire; ``pager_grpc/<room>/wire_errors.py`` holds the table.
"""

from dataclasses import dataclass, fields
from datetime import timedelta


class DomainError(Exception):
    """A request that cannot be granted. Subclasses are dataclasses whose fields are its metadata."""

    @property
    def metadata(self) -> dict[str, str]:
        """The data of this error as strings, for the wire; spans are left to ``retry_after``."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}  # type: ignore[arg-type]  # subclasses are dataclasses
        return {name: str(value) for name, value in values.items() if not isinstance(value, timedelta)}


@dataclass(eq=False)
class InvalidField(DomainError):
    """A value is malformed or over its limit. ``limit`` says what would be accepted."""

    field: str
    limit: str

    def __str__(self) -> str:
        return f"{self.field}: {self.limit}"


@dataclass(eq=False)
class StoreUnavailable(DomainError):
    """The database cannot be reached; a write may or may not be stored. Repeat with the same request id."""

    def __str__(self) -> str:
        return "the database cannot be reached; repeat the call with the same request_id"
