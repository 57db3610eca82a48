"""What if everything breaks at once? 5,000 services within a second, two addresses each, 10,000 pages to hand over.

Judged is the worst form: 10,000 people, so that every page is an e-mail of its own. Beside it the form that a company
has: 20 teams of two people are on call for the 5,000 services, and what one person is owed beyond six e-mails goes
together, in one e-mail every 10 seconds. Pages a second ÷ empty calls a second of the pager just before and after;
meanwhile people acknowledge other incidents, 20 a second.
"""

from collections.abc import Iterator

from bench.answer import Answer, Check, Row, at_least, at_most
from bench.effort import Effort
from bench.figures import Figure
from bench.rounds import Rounds
from bench.servers.databases import Engine, fresh_store
from bench.servers.policies import create_policies, policy
from bench.servers.rooms import World, running_world
from bench.sides import empty_calls
from bench.stored import pages_handed_over
from bench.storms import Storm, addresses, service
from pager_grpc.gen.policy.v1 import policy_service_pb2 as pb

GOAL = "P5"
ROOMS = ("pager", "policy", "notifier")
ALONE, TEAMS = "storm", "team"
TEAM_COUNT = 20
AS_BY_DEFAULT = {"PAGERD_STREAMS": "512"}
"""So many calls at once on a connection: each finds a place, or one to wait."""


async def ask(effort: Effort) -> Answer:
    """On the embedded engine; each round breaks other services."""
    count, patience = effort.pick(full=5000, quick=500), effort.pick(full=300.0, quick=30.0)
    interleaving = effort.rounds(full=3, quick=1, least=1)
    async with fresh_store(Engine.SQLITE, ROOMS) as store:
        async with running_world(store, AS_BY_DEFAULT) as world:
            await _prepare(world, count, interleaving.rounds)
            alone, teams = Storm(world, ALONE, count, patience), Storm(world, TEAMS, count, patience)
            sides = {ALONE: alone.breaks, TEAMS: teams.breaks}
            rounds = await interleaving.bracketed(empty_calls(world.pager, effort.pick(full=4000, quick=1500)), sides)
        wanted = 2 * count * len(rounds.rounds)
        handed_over = {name: await pages_handed_over(store, f"{name}-%") for name in sides}
    checks = [
        Check("pages lost", 0, wanted - alone.recipients),
        Check("pages doubled", 0, alone.told - alone.recipients),
        Check("pages to people of their own that the pager knows as handed over", wanted, handed_over[ALONE]),
        Check("pages to teams that e-mails carried", wanted, teams.told),
        Check("pages to teams that the pager knows as handed over", wanted, handed_over[TEAMS]),
    ]
    return Answer([*_judged(rounds, count), *_bundled(rounds, count)], checks, {"rounds": rounds.raw()})


async def _prepare(world: World, count: int, rounds: int) -> None:
    policies = [policy("default", ["on-call@example.com"]), *_of_pairs(count, rounds), *_of_teams(count, rounds)]
    await create_policies(world.policy, policies)


def _of_pairs(count: int, rounds: int) -> Iterator[pb.EscalationPolicy]:
    """Each pair of people is on call for one service of every round."""
    for n in range(count):
        services = [service(ALONE, number, n) for number in range(rounds)]
        yield policy(f"{ALONE}-{n}", addresses(ALONE, f"{n:05d}"), services)


def _of_teams(count: int, rounds: int) -> Iterator[pb.EscalationPolicy]:
    """Other people in every round, because whoever was in a storm gets fewer messages at once for a minute."""
    for number in range(rounds):
        for team in range(TEAM_COUNT):
            services = [service(TEAMS, number, n) for n in range(team, count, TEAM_COUNT)]
            yield policy(f"{TEAMS}-{number}-{team}", addresses(TEAMS, f"{number}-{team:02d}"), services)


def _judged(rounds: Rounds, count: int) -> list[Row]:
    pages = f"{2 * count:,} pages of {count:,} services"
    ratio = Row(GOAL, f"{pages} handed over, pages/s ÷ empty calls/s", rounds.ratio(ALONE), limit=at_least(0.5))
    p99 = rounds.seen(ALONE, "acknowledge_p99_ms")
    return [
        ratio,
        Row(GOAL, f"acknowledgement during the storm of {pages}, p99", p99, "ms", limit=at_most(200)),
        Row(GOAL, f"{pages} handed over", rounds.figure(ALONE), "pages/s"),
        *_seen(rounds, ALONE, pages, count),
    ]


def _bundled(rounds: Rounds, count: int) -> list[Row]:
    pages = f"{2 * count:,} pages of {count:,} services to {TEAM_COUNT} teams of two"
    return [
        Row(GOAL, f"{pages}, bundled, pages/s ÷ empty calls/s", rounds.ratio(TEAMS)),
        Row(GOAL, f"{pages}, bundled", rounds.figure(TEAMS), "pages/s"),
        Row(GOAL, f"e-mails that carried {pages}", rounds.seen(TEAMS, "letters"), "e-mails"),
        Row(GOAL, f"acknowledgement during the storm of {pages}, p99", rounds.seen(TEAMS, "acknowledge_p99_ms"), "ms"),
        *_seen(rounds, TEAMS, pages, count),
    ]


def _seen(rounds: Rounds, side: str, pages: str, count: int) -> list[Row]:
    words = {
        "acknowledge_p50_ms": (f"acknowledgement during the storm of {pages}, p50", "ms"),
        "accepted_seconds": (f"storm of {pages}: all {count:,} alerts answered after", "s"),
        "handed_over_seconds": (f"storm of {pages}: the last page handed over after", "s"),
    }
    seen = [Row(GOAL, what, rounds.seen(side, key), unit) for key, (what, unit) in words.items()]
    used = [(room, Figure.of(each[side].sample.more["cpu_us"][room] for each in rounds.rounds)) for room in ROOMS]
    cost = f"storm of {pages}: processor time of the"
    return [*seen, *(Row(GOAL, f"{cost} {room}", figure, "µs a page") for room, figure in used)]
