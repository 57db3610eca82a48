"""Hosts and the network between them: network namespaces with a router where the kernel lets us, else loopback.

Every edge ends in a relay that stands on the server's host. In namespaces a partition is a rule of the router, so
connections behave as the kernel makes them: retransmission, timeouts, ICMP. On loopback the relay itself cuts.
"""

import asyncio
import contextlib
import ctypes
import os
import shutil
import socket
import subprocess
import sys
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from nemesis.relay import Cut, Relay, Streams

from pager_grpc.runtime.silence import SERVER_SIDE

PRIVATE_WORLD = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_INSIDE = "NEMESIS_IN_ITS_OWN_NAMESPACE"
_LIBC = ctypes.CDLL(None, use_errno=True)
_LOST = {Cut.SILENT: (True, False), Cut.REQUESTS_LOST: (True,), Cut.ANSWERS_LOST: (False,)}
"""Whether what is lost is requests (or answers)."""


# Behind the relay PostgreSQL has a socket file; on TCP it would set what the sessions ask for.
_AS_POSTGRES = (
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, int(SERVER_SIDE["tcp_keepalives_idle"])),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, int(SERVER_SIDE["tcp_keepalives_interval"])),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, int(SERVER_SIDE["tcp_keepalives_count"])),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(SERVER_SIDE["tcp_user_timeout"])),
)


def why_no_namespaces() -> str:
    """Why network namespaces cannot be had here; empty if they can."""
    if missing := [tool for tool in ("unshare", "ip", "mount") if not shutil.which(tool)]:
        return f"there is no {missing[0]}"
    if os.geteuid() != 0:
        return "this is not root"
    ran = subprocess.run([*PRIVATE_WORLD, "ip", "netns", "list"], capture_output=True, text=True, check=False)
    return ran.stderr.strip() if ran.returncode else ""


def enter_private_world(module: str, arguments: Sequence[str]) -> str:
    """Becomes ``module`` in namespaces of its own, which end with it; why not, if that cannot be."""
    if os.environ.get(_INSIDE):
        return ""
    if reason := why_no_namespaces():
        return reason
    command = [*PRIVATE_WORLD, sys.executable, "-m", module, *arguments]
    os.execvpe(command[0], command, os.environ | {_INSIDE: "yes"})  # noqa: S606 - it goes on as that
    raise AssertionError("exec does not return")


@dataclass(frozen=True)
class Host:
    """Where one process runs; ``command`` is put before what shall run there."""

    name: str
    address: str
    command: tuple[str, ...] = ()

    @contextlib.contextmanager
    def entered(self) -> Iterator[None]:
        """Sockets made in the body live there."""
        if not self.command:
            yield
            return
        with Path("/proc/self/ns/net").open() as home, Path("/run/netns", self.name).open() as there:
            _set_namespace(there.fileno())
            try:
                yield
            finally:
                _set_namespace(home.fileno())

    def listening(self, port: int, options: Iterable[tuple[int, int, int]] = ()) -> socket.socket:
        """A socket that listens there, and whose connections have these options; port 0 takes any."""
        with self.entered():
            sock = socket.socket()
        for option in options:
            sock.setsockopt(*option)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((self.address, port))
        sock.listen()
        sock.setblocking(False)
        return sock

    def free_port(self) -> int:
        """A port that nobody listens on at the moment."""
        with self.listening(0) as sock:
            port: int = sock.getsockname()[1]
            return port

    async def connected(self, port: int, address: str = "") -> Streams:
        """A connection from this host to ``address``, or to itself."""
        with self.entered():
            sock = socket.socket()
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, (address or self.address, port))
        except BaseException:
            sock.close()
            raise
        return await asyncio.open_connection(sock=sock)


class Network(ABC):
    """Hosts by name, and the relays between them by (client, server)."""

    kind: str

    def __init__(self) -> None:
        self.hosts: dict[str, Host] = {}
        self.relays: dict[tuple[str, str], list[Relay]] = defaultdict(list)

    @abstractmethod
    def add(self, name: str) -> Host:
        """A new host."""

    @abstractmethod
    def cut(self, client: str, server: str, how: Cut) -> None:
        """Until :meth:`heal`."""

    @abstractmethod
    def heal(self, client: str, server: str, how: Cut) -> None:
        """Ends one cut."""

    def relay(self, client: str, server: str, upstream: Callable[[], Awaitable[Streams]] | int) -> str:
        """The address at which ``client`` finds ``server``'s port, or what ``upstream`` connects to."""
        host = self.hosts[server]
        connect = partial(host.connected, upstream) if isinstance(upstream, int) else upstream
        options = _AS_POSTGRES if server == "db" else ()
        relay = Relay(partial(host.listening, options=options), connect)
        self.relays[client, server].append(relay)
        return relay.address

    def close(self) -> None:
        """Ends every relay."""
        for relays in self.relays.values():
            for relay in relays:
                relay.close()


class Namespaces(Network):
    """A namespace a host, and a router between them: the namespace of this process, which must be a private one."""

    kind = "network namespaces"

    def __init__(self) -> None:
        super().__init__()
        _run("mount", "-t", "tmpfs", "tmpfs", "/run")  # the names of the namespaces are private too
        _run("ip", "link", "set", "lo", "up")
        Path("/proc/sys/net/ipv4/ip_forward").write_text("1")

    def add(self, name: str) -> Host:
        number = len(self.hosts) + 1
        host = Host(name, f"10.77.{number}.2", ("ip", "netns", "exec", name))
        _run("ip", "netns", "add", name)
        _run("ip", "link", "add", f"veth{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
        _run("ip", "addr", "add", f"10.77.{number}.1/30", "dev", f"veth{number}")
        _run("ip", "link", "set", f"veth{number}", "up")
        _run("ip", "-n", name, "addr", "add", f"{host.address}/30", "dev", "eth0")
        for device in ("lo", "eth0"):
            _run("ip", "-n", name, "link", "set", device, "up")
        _run("ip", "-n", name, "route", "add", "default", "via", f"10.77.{number}.1")
        self.hosts[name] = host
        return host

    def cut(self, client: str, server: str, how: Cut) -> None:
        self._change("add", client, server, how)

    def heal(self, client: str, server: str, how: Cut) -> None:
        self._change("del", client, server, how)

    def _change(self, change: str, client: str, server: str, how: Cut) -> None:
        if how is Cut.REFUSING:
            # By each host itself: a router says so once a second at most.
            for host, other in ((client, server), (server, client)):
                _run("ip", "-n", host, "route", change, "unreachable", self.hosts[other].address)
        for requests in _LOST.get(how, ()):
            source, target = (client, server) if requests else (server, client)
            addresses = ("from", self.hosts[source].address, "to", self.hosts[target].address)
            _run("ip", "rule", change, *addresses, "blackhole")


class Loopback(Network):
    """Every host is this machine; the relays cut."""

    kind = "TCP relays on loopback"

    def add(self, name: str) -> Host:
        self.hosts[name] = Host(name, "127.0.0.1")
        return self.hosts[name]

    def cut(self, client: str, server: str, how: Cut) -> None:
        for relay in self.relays[client, server]:
            relay.cut(how)

    def heal(self, client: str, server: str, how: Cut) -> None:
        for relay in self.relays[client, server]:
            relay.heal()


def _set_namespace(descriptor: int) -> None:
    if _LIBC.setns(descriptor, 0x40000000):  # CLONE_NEWNET
        raise OSError(ctypes.get_errno(), "setns")


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
