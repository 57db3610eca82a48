"""An upgrade and its rollback while alerts come in: the build before and this one serve side by side."""

import asyncio
import random
from pathlib import Path

import pytest
from nemesis.aftermath import bundles, ledger, quiet, stored
from nemesis.callers import Callers
from nemesis.cluster import CATCH_ALL
from simulation.checkers import violations
from simulation.history import History
from simulation.moments import Bounds
from upgrade.fleet import PAGERS, Fleet

pytestmark = pytest.mark.timeout(300)

NEW = Path(__file__).parents[2]
UNTIMED = Bounds(after_answer=60, first_page=60, lateness=60)
"""What happened is judged; how quickly it does on a machine that starts twenty processes meanwhile is not."""


async def history_of(fleet: Fleet, callers: Callers) -> History:
    """What callers heard, providers took and the stores hold."""
    history = History(calls=callers.calls)
    history.incidents = await stored(fleet)
    history.ledger = await ledger(fleet)
    history.hand_offs = fleet.providers.hand_offs(history.incidents, await bundles(fleet))
    return history


def unanswered(history: History) -> set[str]:
    """Requests that never heard OK; an acknowledgement may hear that nothing is open."""
    asked = {call.request_id for call in history.calls}
    heard = {
        call.request_id
        for call in history.calls
        if call.outcome == "ok" or (call.outcome == "fail" and call.operation == "acknowledge")
    }
    return asked - heard


async def test_no_call_fails_and_no_page_is_lost_or_doubled_during_an_upgrade_and_its_rollback(
    previous, empty_databases, tmp_path
):
    fleet = Fleet(tmp_path, empty_databases)
    fleet.migrate(previous)
    await fleet.start(previous)
    callers = Callers(fleet, random.Random(6), rest=1, pagers=PAGERS, timeout=30, patience=120)  # noqa: S311
    over = asyncio.Event()
    calling = asyncio.create_task(callers.call_until(over))
    left: list[int] = []
    try:
        await asyncio.to_thread(fleet.migrate, NEW)
        left += await fleet.roll(NEW) + await fleet.roll(previous)
        over.set()
        await calling
        owed = await quiet(fleet)
    finally:
        calling.cancel()
        left += await fleet.stop()
    history = await history_of(fleet, callers)
    assert owed == []
    assert unanswered(history) == set()
    assert {surprise for surprise in callers.surprises if not surprise.endswith(" CANCELLED")} <= {
        "acknowledge FAILED_PRECONDITION"
    }
    assert violations(history, UNTIMED) == []
    assert left == [0] * 18, logs(fleet)
    assert [line.delivery_id for line in history.ledger.values() if line.doubt_count] == []
    assert len(history.hand_offs) > 20
    assert CATCH_ALL not in {hand_off.recipient for hand_off in history.hand_offs}


def logs(fleet: Fleet) -> dict[str, str]:
    """The ends of all logs."""
    return {name: room.log.read_text()[-500:] for name, room in fleet.rooms.items()}
