"""What a notifier adds to its status: its providers, and what this process has heard of them."""

from collections.abc import Iterable

from pager_domain.notifier.messages import Channel
from pager_grpc.gen.status.v1 import status_service_pb2 as pb
from pager_grpc.notifier.provider_watch import ProviderSeen, ProviderWatch

_CHANNELS = {Channel.EMAIL: pb.Provider.CHANNEL_EMAIL, Channel.SMS: pb.Provider.CHANNEL_SMS}


class ProvidersStatus:
    """What was heard by ``watches``."""

    def __init__(self, watches: Iterable[ProviderWatch]) -> None:
        self._watches = tuple(watches)

    async def add(self, status: pb.Status) -> None:
        """Each provider."""
        status.providers.extend(provider_pb(watch.seen) for watch in self._watches)


def provider_pb(seen: ProviderSeen) -> pb.Provider:
    """As it is said on the wire."""
    provider = pb.Provider(channel=_CHANNELS[seen.channel], name=seen.provider, failure=seen.failure)
    if seen.accepted_at is not None:
        provider.accept_time.FromDatetime(seen.accepted_at)
    if seen.failed_at is not None:
        provider.failure_time.FromDatetime(seen.failed_at)
    return provider
