"""The calendars that calendar programs subscribe to, over HTTP."""

import httpx
import icalendar
import pytest
from fakes.roster_builders import a_person, a_schedule

from pager_domain.policy.applying import ConfigurationApplicationService
from pager_domain.policy.configuration import Configuration
from pager_domain.policy.on_call_application import OnCallApplicationService
from pager_grpc.policy.bootstrap import running_policy
from pager_grpc.policy.calendars_http import serving_calendars
from pager_grpc.policy.config import PolicySettings
from pager_grpc.policy.escalation_policies_sql import SqlPolicyStore

TEAM = Configuration(people=(a_person("ana"), a_person("ben & co")), schedules=(a_schedule("shop/primary", "ana"),))


@pytest.fixture
async def store(database):
    store = SqlPolicyStore(database)
    await ConfigurationApplicationService(store).apply(TEAM)
    return store


@pytest.fixture
async def asked(store):
    async with (
        serving_calendars(OnCallApplicationService(store), "127.0.0.1:0") as port,
        httpx.AsyncClient(trust_env=False, base_url=f"http://127.0.0.1:{port}") as client,
    ):
        yield client.get


@pytest.mark.parametrize("path", ["/schedules/shop%2Fprimary.ics", "/people/ana.ics", "/people/ana.ics?x=y"])
async def test_a_calendar_program_reads_who_is_on_call(asked, path):
    answer = await asked(path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/calendar; charset=utf-8")
    events = icalendar.Calendar.from_ical(answer.text).walk("VEVENT")
    assert {str(event["SUMMARY"]) for event in events} == {"ana on call: shop/primary"}


async def test_a_person_without_a_duty_has_an_empty_calendar(asked):
    answer = await asked("/people/ben%20%26%20co.ics")
    assert (answer.status_code, icalendar.Calendar.from_ical(answer.text).walk("VEVENT")) == (200, [])


@pytest.mark.parametrize(
    ("path", "hint"),
    [
        ("/people/nobody.ics", "there is no person 'nobody'"),
        ("/schedules/nothing.ics", "there is no schedule 'nothing'"),
        ("/schedules/.ics", "/schedules/ID.ics"),
        ("/people/%ff.ics", "/schedules/ID.ics"),
        ("/people/ana", "/schedules/ID.ics"),
        ("/policies/shop.ics", "/schedules/ID.ics"),
        ("/", "/schedules/ID.ics"),
    ],
)
async def test_what_is_not_there_says_where_something_is(asked, path, hint):
    answer = await asked(path)
    assert answer.status_code == 404
    assert hint in answer.text


async def test_the_room_serves_calendars_only_where_it_is_told_to(database, unused_tcp_port):
    listen = f"127.0.0.1:{unused_tcp_port}"
    settings = PolicySettings(POLICY_LISTEN="127.0.0.1:0", POLICY_CALENDARS_LISTEN=listen)
    async with running_policy(settings, database=database), httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"http://{listen}/people/ana.ics")).status_code == 404
    quiet = PolicySettings(POLICY_LISTEN="127.0.0.1:0")
    async with running_policy(quiet, database=database), httpx.AsyncClient(trust_env=False) as client:
        with pytest.raises(httpx.ConnectError):
            await client.get(f"http://{listen}/people/ana.ics")
