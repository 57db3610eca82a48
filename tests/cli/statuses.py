"""Statuses of three rooms that are well, to be spoiled one by one."""

from datetime import UTC, datetime, timedelta

from pager_cli.verdict import ROOMS, Seen, Sight
from pager_grpc.gen.status.v1 import status_service_pb2 as pb

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def at(moment, ago=timedelta()):
    moment.FromDatetime(NOW - ago)


def a_status(room, up=timedelta(hours=3)):
    """A room that has run for a while and is well."""
    status = pb.Status(room=room, version="1.2.0")
    status.database.CopyFrom(pb.Database(engine="postgresql", reached=True))
    status.database.answer_duration.FromMilliseconds(1)
    at(status.status_time)
    at(status.start_time, up)
    if room == "pager":
        status.neighbors.add(room="policy", reached=True)
        status.neighbors.add(room="notifier", reached=True)
        at(status.paging.audit.pass_time, timedelta(seconds=12))
        status.paging.backlog.SetInParent()
    if room == "notifier":
        for channel, name in ((pb.Provider.CHANNEL_EMAIL, "smtp"), (pb.Provider.CHANNEL_SMS, "sms-gateway")):
            at(status.providers.add(channel=channel, name=name).accept_time, timedelta(minutes=3))
    return status


def a_view(unreached=0, policies=1, **changed):
    """All three rooms; ``changed`` ones are given as a status or as a sight without one."""
    sights = {}
    for room in ROOMS:
        given = changed.get(room, a_status(room))
        sights[room] = given if isinstance(given, Sight) else Sight(room, f"{room}.example:1", given)
    return Seen(sights, unreached, policies)


def away(room):
    return Sight(room, f"{room}.example:1", None, f"no {room} answers at {room}.example:1")


def refusing(room):
    return Sight(room, f"{room}.example:1", None, f"the {room} does not know the key", refused=True)
