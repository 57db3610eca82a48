"""What became of attempts, as the log tells it. Pages that end in the same commit share a line."""

from collections.abc import Sequence

import structlog

from pager_domain.pager.events import Outcome
from pager_domain.pager.notification import Bundle, Notification
from pager_domain.pager.ports.notification_outbox import Claim, Postponed, Result, Settled
from pager_grpc.runtime.lines_together import LinesTogether

log = structlog.get_logger()


def ends_together() -> LinesTogether[Outcome, Notification]:
    """Where the ends of pages that are durable, and in no trace, are told."""
    return LinesTogether(_tell)


def tell_in_its_context(result: Result) -> None:
    """A line of its own about a result that is durable; which page it is the context says, and in which trace."""
    incidents = incidents_of(result.claim)
    if isinstance(result, Settled):
        target_id, outcome = result.claim.notification.target.target_id, result.outcome.value
        log.info("page_settled", outcome=outcome, target_id=target_id, pages=len(result.events), **incidents)
    elif isinstance(result, Postponed):
        pause = round(result.pause.total_seconds(), 1)
        log.info("page_postponed", attempt=result.claim.attempt, pause_seconds=pause, **incidents)
    else:
        log.warning("bundle_dissolved", pages=len(result.claim.pages), **incidents)


def incidents_of(claim: Claim) -> dict[str, list[str]]:
    """The incidents of a bundle; a page names its own."""
    if not isinstance(claim.notification, Bundle):
        return {}
    return {"incident_ids": sorted({page.incident_id for page in claim.pages})}


def _tell(outcome: Outcome, pages: Sequence[Notification]) -> None:
    if len(pages) > 1:
        log.info(
            "pages_settled",
            outcome=outcome.value,
            pages=len(pages),
            notification_ids=[page.notification_id for page in pages],
            target_ids=[page.target.target_id for page in pages],
            monitored_service_ids=[page.monitored_service_id for page in pages],
        )
        return
    [page] = pages
    log.info(
        "page_settled",
        outcome=outcome.value,
        target_id=page.target.target_id,
        pages=1,
        incident_id=page.incident_id,
        monitored_service_id=page.monitored_service_id,
        notification_id=page.notification_id,
    )
