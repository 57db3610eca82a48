"""Why the notifier cannot say that a provider took a message.

::

DomainError
├── DeliveryUnknown         no such line in the ledger
├── RequestIdReused         the id belongs to another message
├── MessageRefused          the provider will never take it
├── ProviderDeferred        not taken yet; repeat
├── DeliveryInDoubt         taken or not, nobody knows; repeat, it will be marked
├── DeliveryFateUnknown     taken or not, nobody knows, and no attempt is left
├── DeliveryInProgress      another attempt is under way
└── FencingTokenStale       a newer attempt of the caller has begun
"""

from dataclasses import dataclass
from datetime import timedelta

from pager_domain.errors import DomainError


@dataclass(eq=False)
class DeliveryUnknown(DomainError):
    """The ledger has no such delivery."""

    delivery_id: str

    def __str__(self) -> str:
        return f"there is no delivery {self.delivery_id}"


@dataclass(eq=False)
class RequestIdReused(DomainError):
    """The request id was used with other content."""

    request_id: str

    def __str__(self) -> str:
        return f"request_id {self.request_id} was used with other content; a new message needs a new one"


@dataclass(eq=False)
class MessageRefused(DomainError):
    """The provider refused the message for good; a repeat gets the same answer."""

    delivery_id: str
    provider: str
    provider_answer: str

    def __str__(self) -> str:
        return f"{self.provider} refused delivery {self.delivery_id}: {self.provider_answer}"


@dataclass(eq=False)
class ProviderDeferred(DomainError):
    """The message was not taken, and nobody got it; repeat after ``retry_after``."""

    delivery_id: str
    provider: str
    provider_answer: str
    retry_after: timedelta

    def __str__(self) -> str:
        return f"{self.provider} cannot take delivery {self.delivery_id} now: {self.provider_answer}"


@dataclass(eq=False)
class DeliveryInDoubt(DomainError):
    """The message may or may not have been taken; a repeat sends it again, marked as a possible duplicate."""

    delivery_id: str
    provider: str
    retry_after: timedelta

    def __str__(self) -> str:
        return f"{self.provider} may or may not have taken delivery {self.delivery_id}; repeat with the same request_id"


@dataclass(eq=False)
class DeliveryFateUnknown(DomainError):
    """The message may or may not have been taken, and no further attempt is allowed."""

    delivery_id: str

    def __str__(self) -> str:
        return f"delivery {self.delivery_id} may or may not have arrived, and no further attempt is allowed"


@dataclass(eq=False)
class DeliveryInProgress(DomainError):
    """Another attempt is under way; it ends, one way or another, within ``retry_after``."""

    delivery_id: str
    retry_after: timedelta

    def __str__(self) -> str:
        return f"another attempt of delivery {self.delivery_id} is under way"


@dataclass(eq=False)
class FencingTokenStale(DomainError):
    """An attempt with a higher fencing token has begun."""

    delivery_id: str

    def __str__(self) -> str:
        return f"an attempt of delivery {self.delivery_id} with a higher fencing_token has begun"
