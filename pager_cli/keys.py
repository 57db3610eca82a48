"""API keys: made, listed, replaced and revoked in every room that shall know them."""

import hashlib
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import grpc

from pager_cli.connection import connected
from pager_cli.key_lines import keys_by_id, print_keys
from pager_cli.outcome import REFUSED, CommandFailed
from pager_cli.output import as_json, print_json, print_line
from pager_cli.paging import rows_of
from pager_cli.peer import Peer
from pager_cli.running import complain
from pager_cli.times import stamp
from pager_cli.words import enum_word, one_line
from pager_grpc.client.calling import Caller
from pager_grpc.client.errors import PagerError
from pager_grpc.gen.access.v1 import access_service_pb2 as pb
from pager_grpc.gen.access.v1.access_service_pb2_grpc import AccessServiceStub


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A new key. ``text`` is what its owner shows; the rooms get the ``request``, which has the hash only."""

    text: str
    request: pb.CreateApiKeyRequest


def new_key(key: pb.ApiKey) -> MadeKey:
    """``key`` with an id of its own and a secret of 256 random bits."""
    made = pb.ApiKey()
    made.CopyFrom(key)
    made.api_key_id = secrets.token_hex(6)
    secret = secrets.token_hex(32)
    request = pb.CreateApiKeyRequest(api_key=made, secret_hash=hashlib.sha256(secret.encode()).digest())
    return MadeKey(f"pgr_{made.api_key_id}_{secret}", request)


async def create(peers: Sequence[Peer], key: pb.ApiKey, *, as_machine: bool) -> None:
    """Makes a key in each room and prints it; if one of them does not take it, nobody ever sees it."""
    made = new_key(key)
    await _make_known(peers, made)
    _show(made, peers, as_machine=as_machine)


async def list_keys(peers: Sequence[Peer], *, as_machine: bool) -> None:
    """Lists the keys of all rooms, each once."""
    lines = keys_by_id({peer.room: await _keys_of(peer) for peer in peers})
    if as_machine:
        print_json({"api_keys": [as_json(line.key) | {"rooms": line.rooms} for line in lines]})
    else:
        print_keys(lines, datetime.now(UTC))


async def revoke(peers: Sequence[Peer], key_id: str, at: datetime | None, *, as_machine: bool) -> None:
    """Ends a key wherever it is known, now or at a moment."""
    lines = keys_by_id(await _revoked_in(peers, key_id, at))
    if as_machine:
        print_json(as_json(lines[0].key) | {"rooms": lines[0].rooms})
    else:
        _say_ended(key_id, at, lines[0].rooms)


async def rotate(peers: Sequence[Peer], key_id: str, overlap: timedelta, *, as_machine: bool) -> None:
    """Makes a key like another one, for as long, where that is known; the old one counts on for ``overlap``."""
    known = {peer: key for peer in peers for key in await _keys_of(peer) if key.api_key_id == key_id}
    if not known:
        raise _no_such_key(key_id)
    old, rooms = next(iter(known.values())), list(known)
    now = datetime.now(UTC)
    if old.HasField("revoke_time") and old.revoke_time.ToDatetime(UTC) <= now:
        raise CommandFailed(REFUSED, f"key {key_id!r} was revoked; make a new one with `pagerctl key create`")
    made = new_key(_successor(old, now))
    await _make_known(rooms, made)
    _show(made, rooms, as_machine=as_machine)
    await _revoked_in(rooms, key_id, now + overlap)
    if not as_machine:
        complain(f"the old key {key_id} counts until {(now + overlap).astimezone():%Y-%m-%d %H:%M:%S %Z}")


def _successor(old: pb.ApiKey, now: datetime) -> pb.ApiKey:
    key = pb.ApiKey()
    key.CopyFrom(old)
    for output in ("expire_time", "create_time", "created_by", "revoke_time"):
        key.ClearField(output)
    if old.HasField("expire_time"):
        life = old.expire_time.ToDatetime(UTC) - old.create_time.ToDatetime(UTC)
        key.expire_time.CopyFrom(stamp(now + life))
    return key


async def _make_known(peers: Iterable[Peer], made: MadeKey) -> None:
    """All or nothing: what one room has taken is taken back if another one does not; its secret was never shown."""
    taken: list[Peer] = []
    try:
        for peer in peers:
            async with _access_at(peer) as (stub, caller):
                await caller.write(stub.CreateApiKey, made.request)
            taken.append(peer)
    except CommandFailed as failed:
        for peer in taken:
            await _take_back(peer, made.request.api_key.api_key_id)
        raise CommandFailed(failed.exit_code, f"no key was made: {failed.sentence}") from failed


async def _take_back(peer: Peer, key_id: str) -> None:
    try:
        async with _access_at(peer) as (stub, caller):
            await caller.write(stub.RevokeApiKey, pb.RevokeApiKeyRequest(api_key_id=key_id))
    except CommandFailed as failed:
        complain(f"the {peer.room} keeps a key {key_id} that nobody has: {failed.sentence}")


async def _revoked_in(peers: Sequence[Peer], key_id: str, at: datetime | None) -> dict[str, list[pb.ApiKey]]:
    """The key as each room that knew it has it now; a room that fails does not keep it alive in the others."""
    request = pb.RevokeApiKeyRequest(api_key_id=key_id)
    if at is not None:
        request.revoke_time.CopyFrom(stamp(at))
    revoked: dict[str, list[pb.ApiKey]] = {}
    failures: list[CommandFailed] = []
    for peer in peers:
        try:
            async with _access_at(peer) as (stub, caller):
                revoked[peer.room] = await _revoked(stub, caller, request)
        except CommandFailed as failed:
            failures.append(failed)
    if failures:
        done = f"in {', '.join(revoked)} it is revoked" if any(revoked.values()) else "it is revoked nowhere"
        raise CommandFailed(failures[0].exit_code, f"{'; '.join(f.sentence for f in failures)}; {done}: repeat this")
    if not any(revoked.values()):
        raise _no_such_key(key_id)
    return revoked


async def _revoked(stub: AccessServiceStub, caller: Caller, request: pb.RevokeApiKeyRequest) -> list[pb.ApiKey]:
    try:
        return [(await caller.write(stub.RevokeApiKey, request)).api_key]
    except PagerError as failed:
        if failed.code is not grpc.StatusCode.NOT_FOUND:
            raise
        return []


async def _keys_of(peer: Peer) -> list[pb.ApiKey]:
    async with _access_at(peer) as (stub, caller):
        keys, _ = await rows_of(
            lambda size, token: caller.read(stub.ListApiKeys, pb.ListApiKeysRequest(page_size=size, page_token=token)),
            lambda answer: answer.api_keys,
        )
    return keys


@asynccontextmanager
async def _access_at(peer: Peer) -> AsyncIterator[tuple[AccessServiceStub, Caller]]:
    async with connected(peer) as (channel, caller):
        try:
            yield AccessServiceStub(channel), caller
        except PagerError as failed:
            if failed.code is not grpc.StatusCode.UNIMPLEMENTED:
                raise
            open_to_all = (
                f"the {peer.room} at {peer.target} asks nobody for a key (PAGERD_ACCESS=required changes that)"
            )
            raise CommandFailed(REFUSED, open_to_all) from failed


def _show(made: MadeKey, peers: Sequence[Peer], *, as_machine: bool) -> None:
    key, rooms = made.request.api_key, [peer.room for peer in peers]
    if as_machine:
        print_json({"api_key": made.text} | {"key": as_json(key), "rooms": rooms})
        return
    print_line(made.text)
    role = enum_word(pb.ApiKey.Role, key.role)
    complain(f"key {key.api_key_id} of {one_line(key.name)} ({role}) is known to {', '.join(rooms)}; it is shown once")


def _say_ended(key_id: str, at: datetime | None, rooms: Sequence[str]) -> None:
    when = f"from {at.astimezone():%Y-%m-%d %H:%M:%S %Z} on" if at is not None else "within 5 s"
    print_line(f"key {one_line(key_id)} counts no more {when} ({', '.join(rooms)})")


def _no_such_key(key_id: str) -> CommandFailed:
    return CommandFailed(REFUSED, f"there is no key {key_id!r}; `pagerctl key list` lists them")
