from datetime import timedelta

import pytest
from fakes.access_builders import T0

from pager_domain.access.principal import Principal, Role
from pager_domain.access.tokens import CLOCK_SKEW, MAX_LIFETIME, principal_of_claims
from pager_domain.errors import Unauthenticated

NOW = T0.timestamp()
LIFETIME = MAX_LIFETIME.total_seconds()
GOOD = {"sub": "ana", "roles": ["responder"], "iat": NOW, "exp": NOW + LIFETIME}


def test_a_responder_is_the_person_that_the_token_is_about():
    assert principal_of_claims(GOOD, T0) == Principal(
        "jwt:ana", Role.RESPONDER, person_id="ana", expires_at=T0 + MAX_LIFETIME + CLOCK_SKEW
    )


def test_a_token_may_be_for_some_services():
    principal = principal_of_claims(GOOD | {"roles": ["integration"], "monitored_services": ["checkout"]}, T0)
    assert (principal.role, principal.monitored_services, principal.person_id) == ("integration", {"checkout"}, "")


def test_of_several_roles_the_one_that_may_most_counts():
    claims = GOOD | {"roles": ["something else", "integration", "admin", "responder"]}
    assert principal_of_claims(claims, T0).role is Role.ADMIN


@pytest.mark.parametrize(
    "change",
    [
        {"roles": []},
        {"roles": ["service"]},
        {"roles": ["anonymous"]},
        {"roles": "admin"},
        {"roles": None},
        {"sub": ""},
        {"sub": 7},
        {"sub": "a\nb"},
        {"sub": "x" * 256},
        {"monitored_services": []},
        {"monitored_services": "checkout"},
        {"monitored_services": [7]},
        {"monitored_services": None},
        {"monitored_services": [str(n) for n in range(1001)]},
        {"roles": ["admin"], "monitored_services": ["checkout"]},
        {"exp": NOW + LIFETIME + 1},
        {"exp": "soon"},
        {"exp": True},
        {"exp": 1e300},
        {"exp": float("nan")},
        {"iat": NOW + 31, "exp": NOW + 60},
        {"nbf": NOW + 31},
        {"nbf": None},
    ],
    ids=str,
)
def test_a_token_that_does_not_say_who_it_is_for_how_long_is_refused(change):
    with pytest.raises(Unauthenticated) as refusal:
        principal_of_claims(GOOD | change, T0)
    assert refusal.value.fault == "token_refused"


@pytest.mark.parametrize("claim", ["sub", "roles", "iat", "exp"])
def test_a_token_without_what_it_needs_is_refused(claim):
    with pytest.raises(Unauthenticated):
        principal_of_claims({name: value for name, value in GOOD.items() if name != claim}, T0)


def test_a_token_counts_for_as_long_as_clocks_may_differ_and_not_longer():
    over = T0 + MAX_LIFETIME + CLOCK_SKEW
    assert principal_of_claims(GOOD, over - timedelta(seconds=1)).name == "jwt:ana"
    with pytest.raises(Unauthenticated) as refusal:
        principal_of_claims(GOOD, over)
    assert refusal.value.fault == "expired"


def test_a_token_of_an_issuer_whose_clock_is_ahead_counts():
    assert principal_of_claims(GOOD | {"iat": NOW + 29}, T0).name == "jwt:ana"
