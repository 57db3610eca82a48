"""Why a key is not made, shown or revoked.

::

    DomainError
    ├── ApiKeyUnknown    no such key in this room
    └── ApiKeyExists     the id belongs to a key with other content
"""

from dataclasses import dataclass

from pager_domain.errors import DomainError


@dataclass(eq=False)
class ApiKeyUnknown(DomainError):
    """This room has no key with that id."""

    api_key_id: str

    def __str__(self) -> str:
        return f"there is no API key {self.api_key_id!r} here"


@dataclass(eq=False)
class ApiKeyExists(DomainError):
    """The id belongs to a key that differs in its secret or in what it may do."""

    api_key_id: str

    def __str__(self) -> str:
        return f"API key {self.api_key_id!r} exists with other content"
