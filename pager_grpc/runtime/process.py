"""What ``python -m pager_grpc.<room>`` does: read the configuration, run the room, leave when asked."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeVar

import structlog

from pager_domain.errors import StoreUnavailable
from pager_grpc.runtime.config import ConfigurationFault, RoomSettings, exit_with_faults, read_settings
from pager_grpc.runtime.logs import configure_logs
from pager_grpc.runtime.signals import until_signalled

Settings = TypeVar("Settings", bound=RoomSettings)
RunningRoom = Callable[[Settings], AbstractAsyncContextManager[int]]


def run_room(room: str, kind: type[Settings], running_room: RunningRoom[Settings]) -> int:
    """Runs a room until SIGTERM and returns the exit code.

    0 after SIGTERM, 1 if the database cannot be reached at start, 2 if the configuration cannot be used.

    ``running_room`` serves while it is entered, yields the port and drains when left.
    """
    try:
        settings = read_settings(kind)
        configure_logs(room, settings.log_level)
        asyncio.run(_serve(settings, running_room))
    except StoreUnavailable as error:
        structlog.get_logger().error("database_unreachable_at_start", cause=str(error.__cause__))
        return 1
    except ConfigurationFault as fault:
        return exit_with_faults(fault.faults)
    return 0


async def _serve(settings: Settings, running_room: RunningRoom[Settings]) -> None:
    log = structlog.get_logger()
    async with running_room(settings) as port:
        log.info("serving", port=port)
        await until_signalled()
    log.info("stopped")
