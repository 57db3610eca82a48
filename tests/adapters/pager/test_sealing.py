"""Addresses at rest: who has the database and no key learns none."""

import pytest
from prometheus_client import CollectorRegistry
from structlog.testing import capture_logs

from pager_grpc.pager import sealing as sealing_module
from pager_grpc.pager.address_keys import new_key
from pager_grpc.pager.metrics import unreadable_addresses
from pager_grpc.pager.sealing import Sealing

ANA = "ana@example.com"


@pytest.fixture
def registry():
    return CollectorRegistry()


def test_what_was_sealed_is_opened_with_the_same_key():
    key = new_key()
    sealed = Sealing([key]).sealed(ANA)
    assert "ana" not in sealed
    assert Sealing([key]).opened(sealed) == ANA


def test_the_first_key_seals_and_every_key_opens():
    old, new = new_key(), new_key()
    rotated = Sealing([new, old])
    assert rotated.opened(Sealing([old]).sealed(ANA)) == ANA
    assert Sealing([new]).opened(rotated.sealed(ANA)) == ANA
    assert Sealing([old]).opened(rotated.sealed(ANA)) is None


def test_what_no_key_opens_is_counted_and_logged_once_without_what_it_is(registry):
    lost = Sealing([new_key()]).sealed(ANA)
    sealing = Sealing([new_key()], unreadable_addresses(registry))
    with capture_logs() as logs:
        assert [sealing.opened(lost) for _ in range(3)] == [None] * 3
    assert registry.get_sample_value("pager_unreadable_addresses_total") == 1
    assert [line["event"] for line in logs] == ["address_cannot_be_opened"]
    assert lost not in str(logs)


@pytest.mark.parametrize("stored", ["", "gAAAAA==", "\ufffd", "x" * 10_000])
def test_what_was_never_sealed_is_not_opened(stored):
    assert Sealing([new_key()]).opened(stored) is None


def test_an_address_is_sealed_once_while_it_is_in_use():
    sealing = Sealing([new_key()])
    assert sealing.sealed(ANA) == sealing.sealed(ANA)


def test_more_addresses_than_are_remembered_are_opened_all_the_same(monkeypatch):
    monkeypatch.setattr(sealing_module, "REMEMBERED", 2)
    sealing = Sealing([new_key()])
    addresses = [f"{name}@example.com" for name in ("ana", "ben", "eve")]
    assert [sealing.opened(sealed) for sealed in map(sealing.sealed, addresses)] == addresses
    assert [sealing.opened(sealed) for sealed in [sealing.sealed(address) for address in addresses]] == addresses


def test_the_same_recipient_is_known_again_by_every_replica_and_nobody_else_finds_out():
    key = new_key()
    mail, other = Sealing([key]).recipient("email", ANA), Sealing([key]).recipient("email", "ben@example.com")
    assert mail == Sealing([key]).recipient("email", ANA)
    assert len({mail, other, Sealing([key]).recipient("sms", ANA), Sealing([new_key()]).recipient("email", ANA)}) == 4


@pytest.mark.parametrize("keys", [[], ["short"], [new_key(), ""]])
def test_it_is_made_of_whole_keys_only(keys):
    with pytest.raises(ValueError, match=r"."):
        Sealing(keys)
