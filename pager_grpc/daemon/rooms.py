"""The three rooms by name. They are mirrored, so a room's name says where its parts are."""

import importlib
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

if TYPE_CHECKING:  # the help of `pagerd` would wait for it
    from pager_grpc.runtime.config import RoomSettings
    from pager_grpc.runtime.tls_files import TlsFiles


class Room(StrEnum):
    """A microservice, in the order in which people read about them."""

    PAGER = "pager"
    POLICY = "policy"
    NOTIFIER = "notifier"

    @property
    def module(self) -> str:
        """What ``python -m`` runs as this room's process."""
        return f"pager_grpc.{self}"


class ServedSettings(Protocol):
    """What the settings of every room answer."""

    @property
    def listen(self) -> str:
        """Where the room listens, host:port."""

    @property
    def callers_listen(self) -> str | None:
        """Where the room listens for callers without a certificate, host:port; None: nowhere."""

    @property
    def tls_files(self) -> "TlsFiles | None":
        """The certificates of the room; None: it talks in plaintext."""

    @property
    def metrics_listen(self) -> str | None:
        """Where the room serves its metrics, host:port; None: nowhere."""

    @property
    def access_required(self) -> bool:
        """Whether every call is asked who makes it."""

    @property
    def database_url(self) -> str:
        """The database the room opens; may hold a password."""

    @property
    def data(self) -> Path:
        """The folder for everything that is kept in files."""

    @property
    def allow_data_loss(self) -> bool:
        """Whether a database on which answered alerts could be lost is used all the same."""

    def faults_of_files(self) -> list[str]:
        """Why files that the settings name cannot be used, a sentence for each; a start may make a missing one."""


def settings_kind(room: Room) -> "type[RoomSettings]":
    """The class that reads the configuration of ``room``; it keeps :class:`ServedSettings` too."""
    kind: type[RoomSettings] = getattr(importlib.import_module(f"{room.module}.config"), f"{room.capitalize()}Settings")
    return kind


def main_of(room: Room) -> Callable[[], int]:
    """The function that runs ``room`` in this process until SIGTERM and returns the exit code."""
    return cast("Callable[[], int]", importlib.import_module(f"{room.module}.__main__").main)
