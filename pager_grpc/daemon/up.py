"""`pagerd up`: three rooms as child processes on one machine."""

import asyncio
import os
import sys
from pathlib import Path

import structlog

from pager_grpc.daemon.children import MISCONFIGURED, Child, ChildMisconfigured
from pager_grpc.daemon.configuration import (
    CATCH_ALL_EMAIL,
    Configuration,
    defaults_of_up,
    reached_at,
    read_configuration,
    require_free_ports,
    tls_of,
)
from pager_grpc.daemon.greeting import greeting
from pager_grpc.daemon.rooms import Room, ServedSettings
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.logs import configure_logs
from pager_grpc.runtime.signals import until_signalled

log = structlog.get_logger()


_REFUSED_BY_WHAT_IS_STORED = 1
"""What `pagerctl apply` ends with when the file is whole and contradicts what people have made by hand since."""


class ConfigurationRefused(Exception):
    """The file could not be applied; pagerctl has said why on stderr."""


def up(file: Path | None, *, log_files: bool) -> int:
    """Runs until SIGTERM or Ctrl-C and returns the exit code: 2 for configuration, 1 if the ``file`` cannot be read.

    A file that contradicts what is stored is complained of, and the services go on with what is stored.

    Raises:
        ConfigurationFault: with every fault of all rooms; nothing was started.
    """
    defaults = defaults_of_up()
    os.environ.update(defaults)
    configuration = read_configuration(list(Room))
    require_free_ports(configuration)
    if file is not None:
        _require_a_certificate_to_apply(file, configuration[Room.POLICY])
    configure_logs("pagerd")
    if "PAGER_CATCH_ALL_EMAIL" in defaults:
        log.warning("catch_all_defaulted", variable="PAGER_CATCH_ALL_EMAIL", email=CATCH_ALL_EMAIL)
    logs = configuration[Room.PAGER].data / "log" if log_files else None
    block = greeting(
        configuration, catch_all_defaulted="PAGER_CATCH_ALL_EMAIL" in defaults, logs=str(logs) if logs else None
    )
    return asyncio.run(_run(configuration, file, logs, block))


def _require_a_certificate_to_apply(file: Path, policy: ServedSettings) -> None:
    if policy.tls_files is not None and not os.environ.get("PAGERCTL_TLS_CERT"):
        raise ConfigurationFault([f"PAGERCTL_TLS_CERT: is required to apply {file} where callers show a certificate"])


async def _run(configuration: Configuration, file: Path | None, logs: Path | None, block: str) -> int:
    children = [Child(room, os.environ, logs / f"{room}.log" if logs else None) for room in configuration]
    tasks = [asyncio.create_task(child.keep_alive()) for child in children]
    signalled = asyncio.create_task(until_signalled())
    ready = asyncio.create_task(_announce(configuration, file, block))
    try:
        return await _until_over(signalled, ready, tasks)
    finally:
        await _cancelled([ready, signalled])
        await _cancelled(tasks)
        log.info("stopped")


async def _until_over(
    signalled: asyncio.Task[None], ready: asyncio.Task[None], children: list[asyncio.Task[None]]
) -> int:
    waiting: set[asyncio.Task[None]] = {signalled, ready, *children}
    while True:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if signalled in done:
            return 0
        for task in done:
            try:
                task.result()
            except ChildMisconfigured as fault:
                sys.stderr.write(fault.complaint)
                log.warning("stops_for_configuration", child=fault.room)
                return MISCONFIGURED
            except ConfigurationRefused:
                log.warning("stops_for_refused_file")
                return 1


async def _announce(configuration: Configuration, file: Path | None, block: str) -> None:
    """Waits until all rooms serve, applies the file and says that people may begin."""
    from pager_grpc.daemon.serving import until_serving  # noqa: PLC0415 - it brings gRPC; the rooms start meanwhile

    until_all = (
        until_serving(reached_at(settings.listen), room=room, tls=tls_of(room))
        for room, settings in configuration.items()
    )
    await asyncio.gather(*until_all)
    if file is not None:
        await _apply(file, configuration[Room.POLICY])
    sys.stdout.write(block)
    sys.stdout.flush()


async def _apply(file: Path, policy: ServedSettings) -> None:
    # By command line: the daemon knows nothing of pager_cli, and this is what a person would type.
    command = (sys.executable, "-m", "pager_cli.pagerctl", "apply", str(file))
    environment = os.environ | {"PAGERCTL_POLICY_TARGET": reached_at(policy.listen)}
    if policy.tls_files is not None:
        environment.setdefault("PAGERCTL_TLS_CA", str(policy.tls_files.authorities))
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, env=environment)
    try:
        code = await process.wait()
        if code == _REFUSED_BY_WHAT_IS_STORED:
            log.error("configuration_refused", file=str(file), goes_on_with="what is stored")
        elif code:
            raise ConfigurationRefused
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _cancelled(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
