"""What the policy room reads from the environment."""

from pydantic import Field

from pager_grpc.access.config import AccessSettings
from pager_grpc.runtime.config import Address, DatabaseUrl


class PolicySettings(AccessSettings):
    """``POLICY_LISTEN``, ``POLICY_NOTIFIER_TARGET`` and ``POLICY_DATABASE_URL``, beside what every room reads."""

    room = "policy"

    listen: Address = Field("127.0.0.1:50052", alias="POLICY_LISTEN")
    # For callers who have a key or a token and no certificate; only with TLS.
    callers_listen: Address | None = Field(None, alias="POLICY_CALLERS_LISTEN")
    metrics_listen: Address | None = Field(None, alias="POLICY_METRICS_LISTEN")
    # Whoever reaches it can read who is on call when.
    calendars_listen: Address | None = Field(None, alias="POLICY_CALENDARS_LISTEN")
    # The codes that verify contact methods are sent through it.
    notifier_target: Address = Field("127.0.0.1:50053", alias="POLICY_NOTIFIER_TARGET")
    given_database_url: DatabaseUrl | None = Field(None, alias="POLICY_DATABASE_URL", repr=False)

    @property
    def database_url(self) -> str:
        """The database, by default a SQLite file in the data folder."""
        return self.database_url_or(self.given_database_url, "policy")
