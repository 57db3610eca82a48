"""Incidents that were opened together share a line, but never with those of another caller."""

import asyncio

from builders import a_service, an_incident
from structlog.contextvars import bind_contextvars, merge_contextvars
from structlog.testing import capture_logs

from pager_domain.access.principal import Principal, Role
from pager_domain.pager.model import Answer
from pager_grpc.access.principal import act_as
from pager_grpc.pager.opened_lines import OpenedLines
from pager_grpc.runtime.log_context import add_ids


async def lines_of(*calls):
    """What is told of incidents that were opened at once, each (who called, id of the incident)."""
    opened = OpenedLines()

    async def call(name, incident_id):
        bind_contextvars(principal=name)
        act_as(Principal(name, Role.INTEGRATION))
        opened.add(Answer(a_service(), an_incident(incident_id=incident_id), changed=True), incident_id)

    with capture_logs(processors=[merge_contextvars, add_ids]) as lines:
        await asyncio.gather(*(call(*each) for each in calls))
        await asyncio.sleep(0)  # lines that are told together are written in the next turn
    return lines


async def test_a_line_names_who_has_opened_all_that_it_names():
    shared, alone = await lines_of(("key:a", "1"), ("key:b", "2"), ("key:a", "3"))
    assert (shared["event"], shared["principal"]) == ("incidents_opened", "key:a")
    assert shared["incident_ids"] == ["1", "3"]
    assert (alone["event"], alone["principal"]) == ("incident_opened", "key:b")
    assert (alone["incident_id"], alone["request_id"]) == ("2", "2")
