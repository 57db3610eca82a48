from dataclasses import replace
from datetime import datetime

import pytest
from fakes.access_builders import DAY, T0, a_grant, a_key, shown

from pager_domain.access.keys import hash_of, presented_key
from pager_domain.access.principal import Role, Verb
from pager_domain.errors import CredentialFault, InvalidField


def test_a_key_is_shown_by_whoever_has_its_secret():
    presented = presented_key(shown("aaaa1111"))
    assert presented.key_id == "aaaa1111"
    assert a_key().is_shown_by(presented)


def test_another_secret_under_the_same_id_does_not_show_it():
    assert not a_key().is_shown_by(presented_key(shown("aaaa1111", "bbbb2222")))


WHOLE = shown("aaaa1111")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "pgr_",
        "pgr_aaaa1111_",
        WHOLE[:-1],
        WHOLE + "0",
        WHOLE + "\n",
        "x" + WHOLE,
        WHOLE.upper(),
        "eyJhbGciOiJub25lIn0.e30.",
    ],
)
def test_what_is_no_key_is_none(text):
    assert presented_key(text) is None


def test_nothing_that_is_kept_or_printed_holds_the_secret():
    secret = shown("aaaa1111").rpartition("_")[2]
    assert secret not in repr(presented_key(shown("aaaa1111")))
    assert secret not in repr(a_key())
    assert len(a_key().secret_hash) == len(hash_of(secret)) == 32


def test_a_key_counts_until_it_expires_or_is_revoked():
    key = a_key(expires_at=T0 + 2 * DAY)
    assert key.fault_at(T0 + 2 * DAY - DAY / 86400) is None
    assert key.fault_at(T0 + 2 * DAY) is CredentialFault.EXPIRED
    assert key.revoked(T0 + DAY).fault_at(T0 + DAY) is CredentialFault.REVOKED
    assert key.revoked(T0 + DAY).principal().expires_at == T0 + DAY


def test_a_principal_is_as_much_as_its_key():
    principal = a_key(grant=a_grant(Role.RESPONDER, ["checkout"], [Verb.READ], "ana")).principal()
    assert (principal.name, principal.key_id, principal.person_id) == ("key:aaaa1111", "aaaa1111", "ana")
    assert principal.monitored_services == {"checkout"}
    assert principal.verbs == {"read"}


def test_a_key_of_a_service_is_that_service():
    principal = a_key(grant=a_grant(Role.SERVICE), name="pager").principal()
    assert (principal.name, principal.service) == ("service:pager", "pager")


@pytest.mark.parametrize(
    ("field", "make"),
    [
        ("role", lambda: a_grant(Role.ANONYMOUS)),
        ("monitored_service_ids", lambda: a_grant(Role.ADMIN, ["checkout"])),
        ("monitored_service_ids", lambda: a_grant(Role.INTEGRATION, [])),
        ("monitored_service_ids", lambda: a_grant(Role.INTEGRATION, [str(n) for n in range(1001)])),
        ("monitored_service_ids", lambda: a_grant(Role.INTEGRATION, ["\n"])),
        ("verbs", lambda: a_grant(Role.INTEGRATION, verbs=[Verb.RESPOND])),
        ("verbs", lambda: a_grant(Role.ADMIN, verbs=[Verb.SEND])),
        ("verbs", lambda: a_grant(Role.RESPONDER, verbs=[])),
        ("person_id", lambda: a_grant(Role.ADMIN, person="ana")),
        ("api_key_id", lambda: a_key("abc")),
        ("api_key_id", lambda: a_key("ABCD")),
        ("name", lambda: a_key(name="")),
        ("name", lambda: a_key(name="checkout", grant=a_grant(Role.SERVICE))),
        ("secret_hash", lambda: replace(a_key(), secret_hash=b"short")),
        ("expires_at", lambda: a_key(expires_at=datetime(2026, 1, 1))),  # noqa: DTZ001 - it is what is refused
    ],
)
def test_nonsense_is_refused(field, make):
    with pytest.raises(InvalidField) as refusal:
        make()
    assert refusal.value.field == field
