"""The stream of alerts: messages of many alerts, answered in order."""

import asyncio
from collections.abc import Sequence
from time import monotonic
from typing import Any

import grpc

from bench.load.bodies import FreshServices, alert_for
from pager_grpc.gen.pager.v1 import pager_service_pb2 as pb

METHOD = "/pager.v1.PagerService/RaiseAlerts"


class WrongAnswers(Exception):
    """Fewer or more answers than alerts, or an alert that was refused."""


def messages_of_new_alerts(messages: int, size: int, fresh: FreshServices) -> list[bytes]:
    """Serialized messages of ``size`` alerts, each for a new service."""
    return [
        pb.RaiseAlertsRequest(alerts=[alert_for(service) for service in fresh.take(size)]).SerializeToString()
        for _ in range(messages)
    ]


async def streamed(target: str, messages: Sequence[bytes], size: int, streams: int) -> float:
    """Alerts a second of ``messages`` of ``size`` over ``streams`` streams of one connection, up to the last answer.

    Raises:
        WrongAnswers: an answer is missing, or says that the alert was refused.
        grpc.aio.AioRpcError: a stream ended otherwise than OK.
    """
    async with grpc.aio.insecure_channel(target) as channel:
        await channel.channel_ready()
        begun = monotonic()
        answers = await asyncio.gather(*(_one_stream(channel, messages[n::streams]) for n in range(streams)))
        seconds = monotonic() - begun
    results = [
        result for each in answers for message in each for result in pb.RaiseAlertsResponse.FromString(message).results
    ]
    wanted = size * len(messages)
    if wanted != len(results) or any(result.error_reason for result in results):
        raise WrongAnswers(f"{wanted} alerts, {len(results)} answers")
    return wanted / seconds


async def _one_stream(channel: Any, messages: Sequence[bytes]) -> list[bytes]:
    """Raw bytes both ways: the types of a channel know only messages."""
    return [answer async for answer in channel.stream_stream(METHOD)(iter(messages))]
