"""What `pagerd up` prints once everything serves: where things are and what to try."""

from collections.abc import Iterator

from pager_grpc.daemon.configuration import CATCH_ALL_EMAIL, Configuration, reached_at, writes_to_mailbox
from pager_grpc.daemon.rooms import Room

_DEFAULT_PAGER = "127.0.0.1:50051"


def greeting(configuration: Configuration, *, catch_all_defaulted: bool, logs: str | None) -> str:
    """The block, ending with a newline. ``logs`` is the folder of the log files, if there are any."""
    return "\n".join(
        ["", "The Pager runs.", "", *_facts(configuration, catch_all_defaulted, logs), *_tries(configuration)]
    )


def _facts(configuration: Configuration, catch_all_defaulted: bool, logs: str | None) -> Iterator[str]:
    for room, settings in configuration.items():
        yield f"  {room:<9} {reached_at(settings.listen)}"
    notifier = configuration[Room.NOTIFIER]
    if mailbox := writes_to_mailbox(notifier):
        yield f"  mailbox   {notifier.data / 'mailbox'}  ({' and '.join(mailbox)}: no provider is configured)"
    if catch_all_defaulted:
        yield f"  catch-all {CATCH_ALL_EMAIL}  (pages that no policy covers; PAGER_CATCH_ALL_EMAIL changes it)"
    if logs:
        yield f"  logs      {logs}"
    yield ""


def _tries(configuration: Configuration) -> Iterator[str]:
    pager = reached_at(configuration[Room.PAGER].listen)
    pagerctl = "pagerctl" if pager == _DEFAULT_PAGER else f"PAGERCTL_TARGET={pager} pagerctl"
    tls = configuration[Room.PAGER].tls_files
    if tls is not None:
        yield "Callers show a certificate (`pagerd certificates` makes one for an admin); export first, with its files:"
        yield f"  PAGERCTL_TLS_CA={tls.authorities} PAGERCTL_TLS_CERT=... PAGERCTL_TLS_KEY=..."
        yield ""
    yield "Try in another terminal (. .venv/bin/activate):"
    yield f'  {pagerctl} raise checkout "Card payments fail"'
    yield f"  {pagerctl} watch"
    yield f"  {pagerctl} ack checkout --by you"
    yield f"  {pagerctl} incidents"
    yield f"  {pagerctl} show INCIDENT"
    yield f"  {pagerctl} healthy checkout"
    yield f"  {pagerctl} status        whether paging works, on one screen"
    yield ""
    if tls is None:
        yield "The same with grpcurl (or buf curl), through reflection:"
        yield from _grpcurl(
            pager, "RaiseAlert", '{"monitored_service_id": "checkout", "message": "Card payments fail"}'
        )
        yield from _grpcurl(pager, "Acknowledge", '{"monitored_service_id": "checkout", "acknowledged_by": "you"}')
        yield from _grpcurl(pager, "ListIncidents", "{}")
        yield from _grpcurl(pager, "WatchIncidents", "{}")
        yield ""
    yield "Ctrl-C stops everything; nothing is forgotten."
    yield ""


def _grpcurl(pager: str, method: str, body: str) -> Iterator[str]:
    yield f"  grpcurl -plaintext -d '{body}' {pager} pager.v1.PagerService/{method}"
