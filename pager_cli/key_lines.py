"""The keys of several rooms as one list."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from pager_cli.moments import distance
from pager_cli.output import print_line, print_table
from pager_cli.words import enum_word, one_line
from pager_grpc.gen.access.v1 import access_service_pb2 as pb


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key and the rooms that know it."""

    key: pb.ApiKey
    rooms: list[str]


def keys_by_id(keys_of: Mapping[str, Iterable[pb.ApiKey]]) -> list[KeyLine]:
    """Each key once, ordered by id, from the keys of each room."""
    lines: dict[str, KeyLine] = {}
    for room, keys in keys_of.items():
        for key in keys:
            lines.setdefault(key.api_key_id, KeyLine(key, [])).rooms.append(room)
    return [line for _, line in sorted(lines.items())]


def print_keys(lines: Sequence[KeyLine], now: datetime) -> None:
    """A table for people."""
    if not lines:
        print_line("no keys; `pagerctl key create` makes one")
        return
    titles = ("KEY", "NAME", "ROLE", "SERVICES", "VERBS", "PERSON", "MADE", "BY", "STATE", "KNOWN TO")
    print_table(titles, [_row(line, now) for line in lines], ("MADE", "BY", "KNOWN TO", "VERBS", "NAME", "PERSON"))


def state_of(key: pb.ApiKey, now: datetime) -> str:
    """``counts``, ``expires in 3 d``, ``expired 2 h ago``, ``revoked 5 min ago``, ``revoked in 20 h``."""
    ends = []
    if key.HasField("revoke_time"):
        ends.append((key.revoke_time, "revoked", "revoked"))
    if key.HasField("expire_time"):
        ends.append((key.expire_time, "expired", "expires"))
    if not ends:
        return "counts"
    moment, past, future = min(ends, key=lambda end: end[0].ToDatetime(UTC))
    return f"{past if moment.ToDatetime(UTC) <= now else future} {distance(moment, now)}"


def _row(line: KeyLine, now: datetime) -> tuple[str, ...]:
    key = line.key
    return (
        one_line(key.api_key_id),
        one_line(key.name),
        enum_word(pb.ApiKey.Role, key.role),
        ", ".join(map(one_line, key.monitored_service_ids)) or "all",
        ", ".join(enum_word(pb.ApiKey.Verb, verb) for verb in key.verbs) or "all",
        one_line(key.person_id) or "-",
        distance(key.create_time, now),
        one_line(key.created_by),
        state_of(key, now),
        ", ".join(line.rooms),
    )
