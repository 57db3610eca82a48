"""Addresses in the database of the pager: sealed, known again, and read as before where they are still plain."""

import json

from builders import CHECKOUT, a_policy, an_application, healing, raising
from fakes.escalation_policies import DOWN, FakeEscalationPolicies
from fakes.senders import FakeSenders
from sealed import SEALING

from pager_domain.pager.events import LevelNotified, NotificationSettled, Outcome, PolicySource
from pager_domain.pager.notification import Bundle
from pager_domain.pager.storm import Pace
from pager_grpc.pager.address_keys import new_key
from pager_grpc.pager.monitored_services_sql import SqlMonitoredServices
from pager_grpc.pager.notification_outbox_sql import SqlNotificationOutbox
from pager_grpc.pager.sealing import Sealing
from pager_grpc.pager.wakeups import Wakeups


def the_policies(fault=None):
    policies = FakeEscalationPolicies(a_policy(levels=2))
    policies.fault = fault
    return policies


async def broken(pager, *services, policies=None):
    """Services whose first level was paged."""
    application = an_application(pager.store, pager.outbox, policies)
    await application.handle([raising(service) for service in services or [CHECKOUT]])
    await application.escalate_due(10)
    return application


class WithoutTheKey:
    """The same database for a pager that has another key; ``senders`` say whom it reached."""

    def __init__(self, pager, policies) -> None:
        other = Sealing([new_key()])
        self.senders = FakeSenders()
        self.store = SqlMonitoredServices(pager.database, Wakeups(), other)
        self.outbox = SqlNotificationOutbox(pager.database, Wakeups(), other)
        self.application = an_application(self.store, self.outbox, policies, self.senders)

    async def deliver(self):
        claims = await self.outbox.claim(10)
        await self.application.record([await self.application.attempt(claim) for claim in claims])
        return claims


async def timeline(pager):
    """Read by its incident: the stream of all events waits for whatever else runs on the server."""
    [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
    return [line.what for line in await pager.views.events(incident, 0, 100)]


async def test_no_table_holds_an_address(pager):
    await broken(pager)
    for table, column in (("notifications", "address"), ("incidents", "policy"), ("last_known_policies", "policy")):
        stored = str(await pager.execute(f"SELECT {column} FROM {table}"))
        assert "gAAAA" in stored
        assert not any(sign in stored for sign in ("@", "+49"))


async def test_a_storm_finds_all_pages_of_a_recipient_by_their_hash(pager):
    names = [f"service-{n}" for n in range(4)]
    await broken(pager, *names)
    claims = await pager.outbox_with(Pace(burst=2)).claim(4)
    bundles = [claim.notification for claim in claims if isinstance(claim.notification, Bundle)]
    assert [len(bundle.pages) for bundle in bundles] == [3, 3]
    assert len({page.address for bundle in bundles for page in bundle.pages}) == 2
    keys = {row["recipient"] for row in await pager.execute("SELECT recipient FROM recipients")}
    assert keys == {row["recipient"] for row in await pager.execute("SELECT DISTINCT recipient FROM notifications")}


async def test_what_was_stored_before_addresses_were_sealed_is_read(pager):
    application = await broken(pager)
    sealed = [claim.notification for claim in await pager.outbox.claim(10)]
    on = "" if pager.database.is_sqlite else " ON notifications"
    await pager.execute(f"DROP TRIGGER gd_notifications_same_page{on}")
    for page in sealed:
        plain = "UPDATE notifications SET address = :address, recipient = NULL WHERE notification_id = :page"
        await pager.execute(plain, address=page.address, page=page.notification_id)
    await make_policies_plain(pager)
    await pager.advance(11)
    assert sorted(claim.notification.address for claim in await pager.outbox.claim(10)) == sorted(
        page.address for page in sealed
    )
    service = await pager.views.service(CHECKOUT)
    assert service.incident.policy == a_policy(levels=2)
    assert (await pager.store.last_known_policies([CHECKOUT]))[CHECKOUT][0] == a_policy(levels=2)
    await application.handle([healing()])


async def make_policies_plain(pager):
    def opened(part):
        if isinstance(part, dict):
            is_sealed = "sealed" in part
            return {"value": SEALING.opened(part["sealed"])} if is_sealed else {k: opened(v) for k, v in part.items()}
        return [opened(each) for each in part] if isinstance(part, list) else part

    for table in ("incidents", "last_known_policies"):
        [row] = await pager.execute(f"SELECT policy FROM {table}")
        document = json.loads(row["policy"]) if isinstance(row["policy"], str) else row["policy"]
        text = json.dumps(opened(document))
        assert "@example.com" in text
        value = ":text" if pager.database.is_sqlite else "CAST(:text AS jsonb)"
        await pager.execute(f"UPDATE {table} SET policy = {value}", text=text)


async def test_with_the_key_lost_a_page_ends_with_a_reason_and_the_next_level_has_new_addresses(pager):
    await broken(pager)
    await pager.advance(61)
    other = WithoutTheKey(pager, the_policies())
    assert len(await other.deliver()) == 2
    lines = await timeline(pager)
    ends = [line for line in lines if isinstance(line, NotificationSettled)]
    assert {(end.outcome, end.reason) for end in ends} == {
        (Outcome.UNDELIVERABLE, "the address is sealed with a key that this pager does not have")
    }
    await other.application.escalate_due(10)
    assert len(await other.deliver()) == 2
    assert len(other.senders.sent) == 2


async def test_with_the_key_lost_and_no_policy_to_be_had_the_catch_all_is_paged(pager):
    await broken(pager)
    await pager.advance(901)
    other = WithoutTheKey(pager, the_policies(DOWN))
    await other.application.escalate_due(10)
    lines = await timeline(pager)
    [_, fired] = [line for line in lines if isinstance(line, LevelNotified)]
    assert (fired.policy_source, fired.cycle, fired.level) == (PolicySource.CATCH_ALL, 2, 1)
    await other.deliver()
    assert dict(other.senders.sent) == {"everybody@example.com": 1}


async def test_what_cannot_be_read_is_kept_as_it_was_when_its_incident_changes(pager):
    await broken(pager)
    before = await pager.execute("SELECT policy FROM incidents")
    other = WithoutTheKey(pager, the_policies())
    await other.application.handle([healing()])
    assert await pager.execute("SELECT policy FROM incidents") == before
    [incident] = await pager.views.incidents(CHECKOUT, (), None, 1)
    assert incident.policy.is_readable
