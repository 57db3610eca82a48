"""What ``python -m pager_grpc.<room>`` does: read the configuration, run the room, leave when asked."""

import asyncio
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeVar

import structlog

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.config import ConfigurationFault, RoomSettings, exit_with_faults, read_settings
from pager_grpc.runtime.garbage import keep_what_is_loaded
from pager_grpc.runtime.logs import configure_logs
from pager_grpc.runtime.loop_watch import ENDED_SECONDS, LoopWatch
from pager_grpc.runtime.metrics import Metrics
from pager_grpc.runtime.signals import until_signalled
from pager_grpc.runtime.supervision import Doorbell, LoopEnded, run_forever, running

Settings = TypeVar("Settings", bound=RoomSettings)
Settings_contra = TypeVar("Settings_contra", bound=RoomSettings, contravariant=True)


class RunningRoom(Protocol[Settings_contra]):
    """Serves while it is entered, yields the port and drains when left."""

    def __call__(self, settings: Settings_contra, *, metrics: Metrics) -> AbstractAsyncContextManager[int]:
        """``metrics`` says where they are served."""


def run_room(room: str, kind: type[Settings], running_room: RunningRoom[Settings]) -> int:
    """Runs a room until SIGTERM and returns the exit code.

    0 after SIGTERM, 1 if the database cannot be reached at start, the event loop stood still for half a minute, or one
    of the loops has ended, 2 if the configuration cannot be used.
    """
    try:
        settings = read_settings(kind)
        configure_logs(room, settings.log_level)
        asyncio.run(_serve(settings, running_room))
    except StoreUnavailable as error:
        structlog.get_logger().error("database_unreachable_at_start", cause=str(error.__cause__))
        return 1
    except LoopEnded as ended:
        structlog.get_logger().critical("loop_ended", exc_info=ended)
        return 1
    except ConfigurationFault as fault:
        return exit_with_faults(fault.faults)
    return 0


async def _serve(settings: Settings, running_room: RunningRoom[Settings]) -> None:
    log = structlog.get_logger()
    metrics = Metrics()
    watch = LoopWatch(metrics.registry, end_after=ENDED_SECONDS)
    async with running_room(settings, metrics=metrics) as port:
        keep_what_is_loaded()
        log.info("serving", port=port)
        async with running(run_forever("loop_watch", watch.step, Doorbell())):
            await until_signalled()
        watch.close()
    log.info("stopped")
