import pytest
from fakes.access_builders import a_grant, a_key

from pager_domain.access.principal import ANONYMOUS, Principal, Role, Verb
from pager_domain.access.rules import Rule, acting_person, first_foreign, owns_person, require_granted
from pager_domain.errors import InvalidField, NotAllowed

RAISE = Rule(Verb.RAISE, frozenset({Role.INTEGRATION, Role.ADMIN}))
SEND = Rule(Verb.SEND, rooms=frozenset({"pager"}))
PAGER = a_key(grant=a_grant(Role.SERVICE), name="pager").principal()


def caller(role, **more):
    return a_key(grant=a_grant(role, **more)).principal()


def test_what_is_granted_to_a_role_is_granted():
    require_granted(caller(Role.INTEGRATION), RAISE)


@pytest.mark.parametrize("principal", [ANONYMOUS, caller(Role.RESPONDER), PAGER], ids=lambda p: p.name)
def test_what_is_not_granted_is_refused(principal):
    with pytest.raises(NotAllowed):
        require_granted(principal, RAISE)


def test_a_key_does_not_reach_beyond_its_verbs():
    require_granted(caller(Role.INTEGRATION, verbs=[Verb.RAISE]), RAISE)
    with pytest.raises(NotAllowed):
        require_granted(caller(Role.INTEGRATION, verbs=[Verb.RESOLVE]), RAISE)


def test_a_service_may_what_is_granted_to_it_by_name():
    require_granted(PAGER, SEND)
    with pytest.raises(NotAllowed):
        require_granted(a_key(grant=a_grant(Role.SERVICE), name="policy").principal(), SEND)


def test_an_admin_may_not_do_what_only_services_may():
    with pytest.raises(NotAllowed):
        require_granted(caller(Role.ADMIN), SEND)


def test_a_scope_has_an_outside():
    mine = caller(Role.INTEGRATION, services=["checkout", "search"])
    assert first_foreign(mine, ["checkout", "search"]) is None
    assert first_foreign(mine, ["checkout", "billing"]) == "billing"
    assert first_foreign(caller(Role.INTEGRATION), ["billing"]) is None


def test_a_scope_that_names_nothing_is_refused_instead_of_meaning_everything():
    with pytest.raises(InvalidField):
        Principal("jwt:ana", Role.RESPONDER, frozenset())


def test_a_responder_owns_the_data_of_its_own_person_only():
    ana = caller(Role.RESPONDER, person="ana")
    assert owns_person(ana, "ana")
    assert not owns_person(ana, "ben")
    assert not owns_person(caller(Role.RESPONDER), "")
    assert owns_person(caller(Role.ADMIN), "ben")


def test_a_person_acts_as_itself_and_nobody_need_say_so():
    ana = caller(Role.RESPONDER, person="ana")
    assert acting_person(ana, "") == acting_person(ana, "ana") == "ana"
    with pytest.raises(NotAllowed):
        acting_person(ana, "ben")
    assert acting_person(caller(Role.RESPONDER), "ben") == "ben"
