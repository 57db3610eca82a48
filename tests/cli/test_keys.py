"""pagerctl key against three real rooms that ask everybody who they are."""

import json
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta

import pytest
from adapters.access.rooms import FIRST_ADMIN, KEYS, a_closed_room
from cli.conftest import Pagerctl
from fakes.access_builders import shown

from pager_cli import credentials
from pager_cli.key_lines import keys_by_id, state_of
from pager_cli.outcome import CommandFailed
from pager_cli.peer import Peer
from pager_cli.times import stamp
from pager_grpc.gen.access.v1 import access_service_pb2 as pb

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


@pytest.fixture
async def rooms(tmp_path):
    async with AsyncExitStack() as stack:
        yield {
            room: await stack.enter_async_context(a_closed_room(room, tmp_path))
            for room in ("pager", "policy", "notifier")
        }


@pytest.fixture
async def keyed(rooms):
    """Pagerctl of the first admin."""
    targets = {
        "PAGERCTL_TARGET": rooms["pager"].target,
        "PAGERCTL_POLICY_TARGET": rooms["policy"].target,
        "PAGERCTL_NOTIFIER_TARGET": rooms["notifier"].target,
    }
    running = Pagerctl({**targets, "PAGERCTL_API_KEY": FIRST_ADMIN, "TZ": "UTC"})
    yield running
    await running.end()


async def made_in(room):
    """The keys that somebody made there."""
    return [key for key in await room.keys.page(None, 100) if key not in KEYS.values()]


async def test_a_key_is_printed_once_comes_in_and_is_revoked(keyed, rooms):
    made = await keyed(
        "key", "create", "shop alerts", "--role", "integration", "--service", "checkout", "--verb", "raise"
    )
    key = made.out.removesuffix("\n")
    [stored] = await made_in(rooms["pager"])
    assert made.code == 0
    assert (
        made.err == f"pagerctl: key {stored.key_id} of shop alerts (integration) is known to pager; it is shown once\n"
    )
    assert stored.created_by == "key:root"
    assert timedelta(days=89) < stored.expires_at - datetime.now(UTC) < timedelta(days=91)
    raised = await keyed("raise", "checkout", "down", PAGERCTL_API_KEY=key)
    foreign = await keyed("raise", "billing", "down", PAGERCTL_API_KEY=key)
    assert (raised.code, foreign.code) == (0, 1)
    assert f"key:{stored.key_id} may not raise for 'billing'" in foreign.err
    listed = await keyed("key", "list", "--room", "pager")
    [line] = [line for line in listed.out.splitlines() if stored.key_id in line]
    assert all(word in line for word in ("shop alerts", "integration", "checkout", "raise", "key:root", "expires in"))
    assert key.rpartition("_")[2] not in listed.out
    revoked = await keyed("key", "revoke", stored.key_id)
    assert revoked.out == f"key {stored.key_id} counts no more within 5 s (pager)\n"
    over = await keyed("raise", "checkout", "down", PAGERCTL_API_KEY=key)
    assert (over.code, over.out) == (1, "")
    assert over.err.endswith(
        "does not know you: the API key was revoked; an admin makes another one with `pagerctl key create`\n"
    )


async def test_a_key_is_rotated_with_an_overlap_wherever_it_is_known(keyed, rooms):
    options = ("--role", "responder", "--person", "ana", "--expires", "2h", "--json")
    first = json.loads((await keyed("key", "create", "ana", *options)).out)
    assert first["rooms"] == ["pager", "policy", "notifier"]
    rotated = await keyed("key", "rotate", first["key"]["api_key_id"], "--overlap", "1h")
    assert rotated.code == 0, rotated.err
    assert len(rotated.out.splitlines()) == 1
    for room in rooms.values():
        old, new = sorted(await made_in(room), key=lambda key: key.created_at)
        assert old.key_id == first["key"]["api_key_id"]
        assert (new.name, new.grant) == (old.name, old.grant)
        assert timedelta(minutes=59) < old.revoked_at - new.created_at <= timedelta(hours=1, minutes=1)
        assert timedelta(hours=1, minutes=59) < new.expires_at - new.created_at < timedelta(hours=2, minutes=1)
    await keyed("raise", "checkout", "down")
    answer = await keyed("ack", "checkout", PAGERCTL_API_KEY=rotated.out.strip())
    assert answer.out.endswith("acknowledged by ana\n")


async def test_a_key_that_one_room_does_not_take_is_made_nowhere(keyed, rooms):
    failed = await keyed(
        "key", "create", "ops", "--role", "admin", "--timeout", "2", PAGERCTL_NOTIFIER_TARGET="127.0.0.1:1"
    )
    assert (failed.code, failed.out) == (3, "")
    assert failed.err.startswith("pagerctl: no key was made: no notifier answers")
    for room in (rooms["pager"], rooms["policy"]):
        [left] = await made_in(room)
        assert left.fault_at(datetime.now(UTC)) == "revoked"


async def test_a_room_that_does_not_answer_keeps_no_key_alive_in_the_others(keyed, rooms):
    key = KEYS["responder"].key_id
    failed = await keyed("key", "revoke", key, "--timeout", "1", PAGERCTL_TARGET="127.0.0.1:1")
    assert failed.code == 3
    assert "no pager answers" in failed.err
    assert "in policy, notifier it is revoked: repeat this" in failed.err
    assert (await rooms["policy"].keys.find(key)).fault_at(datetime.now(UTC)) == "revoked"


async def test_whoever_has_no_key_hears_where_to_put_it(keyed):
    without = await keyed("services", PAGERCTL_API_KEY="")
    assert without.code == 1
    assert "asks who calls: put your key into PAGERCTL_API_KEY, or its file behind --api-key-file" in without.err


async def test_where_access_is_open_there_are_no_keys(keyed, tmp_path):
    (tmp_path / "open").mkdir()
    async with a_closed_room("notifier", tmp_path / "open", PAGERD_ACCESS="open") as room:
        answer = await keyed("key", "list", "--room", "notifier", PAGERCTL_NOTIFIER_TARGET=room.target)
    assert answer.code == 1
    assert "asks nobody for a key (PAGERD_ACCESS=required changes that)" in answer.err


async def test_a_key_may_stand_in_a_file(keyed, tmp_path):
    file = tmp_path / "key"
    file.write_text(f"{FIRST_ADMIN}\n")
    done = await keyed("--api-key-file", str(file), "services", PAGERCTL_API_KEY="")
    assert done.code == 0, done.err


@pytest.fixture
def given(monkeypatch):
    """Sets the environment of a person to these variables alone."""

    def give(**variables):
        for name in ("API_KEY", "API_KEY_FILE", "TLS_CA", "INSECURE"):
            monkeypatch.delenv(f"PAGERCTL_{name}", raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(f"PAGERCTL_{name}", value)

    return give


def at(target):
    return Peer("pager", target, "--target", 1)


@pytest.mark.parametrize(
    "target", ["127.0.0.1:1", "localhost:1", "[::1]:1", "unix:/run/pager.sock", "ipv4:127.0.0.1:1,127.0.0.2:2"]
)
def test_a_key_may_be_said_on_this_machine(given, target):
    given(API_KEY=shown("aaaa1111"))
    assert credentials.api_key_for(at(target)) == shown("aaaa1111")


@pytest.mark.parametrize(
    "target", ["10.0.0.7:1", "pager.example.com:1", "dns:///pager:1", "[2001:db8::1]:1", "ipv4:127.0.0.1:1,10.0.0.7:2"]
)
def test_a_key_is_not_sent_over_a_network_in_plaintext(given, target):
    given(API_KEY=shown("aaaa1111"))
    with pytest.raises(CommandFailed) as refused:
        credentials.api_key_for(at(target))
    assert "in plaintext" in refused.value.sentence
    assert "aaaa1111" not in refused.value.sentence
    given(API_KEY=shown("aaaa1111"), INSECURE="1")
    assert credentials.api_key_for(at(target))
    given(API_KEY=shown("aaaa1111"), TLS_CA="ca.pem")
    assert credentials.api_key_for(at(target))
    given()
    assert credentials.api_key_for(at(target)) == ""


@pytest.mark.parametrize(
    ("content", "why"), [(b"", "is empty"), (b"\xff", "it is no text"), (b"two words", "no spaces")]
)
def test_a_file_that_holds_no_key_is_refused(given, tmp_path, content, why):
    file = tmp_path / "key"
    given(API_KEY_FILE=str(file))
    with pytest.raises(CommandFailed, match="No such file"):
        credentials.api_key_for(at("127.0.0.1:1"))
    file.write_bytes(content)
    with pytest.raises(CommandFailed, match=why):
        credentials.api_key_for(at("127.0.0.1:1"))


def ended(**moments):
    return pb.ApiKey(api_key_id="k", **{name: stamp(NOW + span) for name, span in moments.items()})


@pytest.mark.parametrize(
    ("key", "state"),
    [
        (ended(), "counts"),
        (ended(expire_time=timedelta(days=3)), "expires in 3 d"),
        (ended(expire_time=-timedelta(hours=2)), "expired 2 h ago"),
        (ended(revoke_time=-timedelta(minutes=5), expire_time=timedelta(days=3)), "revoked 5 min ago"),
        (ended(revoke_time=timedelta(hours=20), expire_time=timedelta(days=3)), "revoked in 20 h"),
        (ended(revoke_time=timedelta(days=4), expire_time=timedelta(days=3)), "expires in 3 d"),
    ],
)
def test_a_list_says_whether_a_key_counts(key, state):
    assert state_of(key, NOW) == state


def test_a_key_of_several_rooms_is_one_line():
    lines = keys_by_id(
        {"pager": [pb.ApiKey(api_key_id="b"), pb.ApiKey(api_key_id="a")], "policy": [pb.ApiKey(api_key_id="b")]}
    )
    assert [(line.key.api_key_id, line.rooms) for line in lines] == [("a", ["pager"]), ("b", ["pager", "policy"])]
