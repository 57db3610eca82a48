"""A day in the life of the pager: everything that its loops do, once, with the real adapters."""

from builders import a_policy, acknowledging, an_application, healing, raising
from contracts.claims_at_once import Begun
from fakes.escalation_policies import FakeEscalationPolicies
from sealed import SEALING

from pager_domain.pager.auditor import Auditor
from pager_domain.pager.delivery import result_of
from pager_domain.pager.model import IncidentState
from pager_domain.pager.notification import Bundle
from pager_domain.pager.ports.email_sender import HandedOff, NotNow, Refused
from pager_domain.pager.ports.incident_views import WatchPosition
from pager_domain.pager.retention import Past
from pager_domain.pager.storm import Pace
from pager_domain.pager.targets import Channel
from pager_grpc.pager.backlogs_sql import SqlBacklogs
from pager_grpc.pager.composition import new_incident_id
from pager_grpc.pager.history_sql import SqlHistory
from pager_grpc.pager.incident_records_sql import SqlIncidentRecords
from pager_grpc.pager.incident_views_sql import SqlIncidentViews
from pager_grpc.pager.monitored_services_sql import SqlMonitoredServices
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.wakeups import Wakeups

SERVICES = 6


class Day:
    """The pager's use cases over one open database; two messages make a storm."""

    def __init__(self, database) -> None:
        self.database = database
        self.store = SqlMonitoredServices(database, Wakeups(), SEALING, Pace())
        self.outbox = SqlNotificationOutbox(database, Wakeups(), SEALING, Pace(burst=2))
        self.views = SqlIncidentViews(database, SEALING)
        self.application = an_application(
            self.store, self.outbox, FakeEscalationPolicies(a_policy(levels=2)), new_incident_id=new_incident_id
        )

    async def everybody_is_calm(self):
        """Nobody was paged lately."""
        async with self.database.begin() as connection:
            await connection.exec_driver_sql("DELETE FROM recipients")

    async def breaks(self, name):
        """Services break, two alerts each, and each person, calm until then, is owed more than a burst."""
        await self.everybody_is_calm()
        names = [f"{name}-{n}" for n in range(SERVICES)]
        alerts = [raising(service, request_id=f"{n}", message=f"{n}") for service in names for n in range(2)]
        await self.application.handle(alerts)
        await self.application.handle(alerts)
        await self.application.escalate_due(100)
        return names

    async def passes(self, name):
        """From the alerts to the last line; whom no mail reaches is paged alone, and in vain."""
        names = await self.breaks(name)
        claims = await self.outbox.claim(100)
        assert len(_bundles(claims)) == 2
        await self.application.record([result_of(claim, self._answer(claim)) for claim in claims])
        await self.application.record(
            [result_of(claim, Refused("no such number")) for claim in await self.outbox.claim(100)]
        )
        await self.application.handle([acknowledging(service, request_id="ack") for service in names[:3]])
        await self.application.handle([healing(service, request_id="healthy") for service in names])

    async def fires_as_foreseen(self, name):
        """Services break in the process that escalates them, the second time for people who were paged a moment ago."""
        begun = Begun()
        for number in range(2):
            await self.application.escalate_due(100)
            await self.application.handle([raising(f"{name}-{number}")])
            await self.application.escalate_due(100, begun)
        await self.application.record([result_of(claim, HandedOff("smtp")) for claim in begun.claims])
        await self.application.handle([healing(service) for service in begun.services])

    async def begins_again(self, name):
        """Whoever held what people were owed has died, and the leases have ended."""
        names = await self.breaks(name)
        lost = await self.outbox.claim(100)
        async with self.database.begin() as connection:
            await connection.exec_driver_sql("UPDATE bundles SET due_at = created_at WHERE state = 'waiting'")
        claims = await self.outbox.claim(100)
        assert _bundles(claims) == _bundles(lost) != []
        await self.application.record([result_of(claim, HandedOff("smtp")) for claim in claims])
        await self.application.handle([healing(service) for service in names])

    async def is_looked_at(self, name):
        """What loops ask while nothing happens, what the audit judges, what people look at."""
        await self.store.seconds_until_due()
        await self.outbox.seconds_until_due()
        await SqlBacklogs(self.database).look()
        await self.store.last_known_policies([f"{name}-0"])
        await Auditor(self.views, SqlIncidentRecords(self.database, SEALING)).audit(50)
        position = await self.views.watch_position()
        await self.views.events_since(position, 200)
        await self.views.events_since(WatchPosition(0, 0), 200)
        await self.views.services((), None, 50)
        await self.views.incidents(None, (), None, 50)
        await self.views.incidents(None, {IncidentState.OPEN, IncidentState.ACKNOWLEDGED}, None, 50)
        [incident, *_] = await self.views.incidents(f"{name}-0", (), None, 50)
        await self.views.incident(incident.incident_id)
        await self.views.events(incident, 0, 50)

    async def is_forgotten(self, span):
        """A little of all that has been over for ``span``; how many rows of each kind."""
        history = SqlHistory(self.database, rows=100)
        horizon = await history.now() - span
        return [await history.forget(what, horizon) for what in Past]

    def _answer(self, claim):
        if claim.pages[0].channel is Channel.EMAIL:
            return HandedOff("smtp")
        return Refused("too long") if isinstance(claim.notification, Bundle) else NotNow("busy")


def _bundles(claims):
    ids = (claim.notification.notification_id for claim in claims if isinstance(claim.notification, Bundle))
    return sorted(ids)
