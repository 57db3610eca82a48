from datetime import UTC, datetime, timedelta

import pytest
from fakes.policy_builders import ANA, ANA_PHONE, BEN, a_level, a_policy, definitions
from hypothesis import given

from pager_domain.errors import InvalidField
from pager_domain.kernel import MonitoredServiceId, PolicyId
from pager_domain.policy.errors import (
    DefaultPolicyExists,
    PolicyExists,
    PolicyUnknown,
    ServiceAlreadyCovered,
    StaleEtag,
)
from pager_domain.policy.model import POLICIES, Coverage, PolicyRevision
from pager_domain.policy.revisions import Record

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOW + timedelta(hours=1)
SHOP = PolicyId("shop")
CHECKOUT = MonitoredServiceId("checkout")


def created(definition=None):
    return Record(POLICIES, SHOP).create(definition or a_policy("shop", "checkout"), NOW)


def record_of(policy):
    return Record(POLICIES, SHOP, policy.revision, policy)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"policy_id": ""}, "policy_id"),
        ({"policy_id": "x" * 256}, "policy_id"),
        ({"display_name": "x" * 256}, "display_name"),
        ({"levels": ()}, "levels"),
        ({"levels": (a_level(),) * 21}, "levels"),
        ({"repeat_count": -1}, "repeat_count"),
        ({"repeat_count": 101}, "repeat_count"),
    ],
)
def test_a_policy_refuses_what_is_over_its_limit(change, field):
    with pytest.raises(InvalidField) as refused:
        a_policy(**change)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("services", "field"),
    [
        (["a", ""], "monitored_service_ids[1]"),
        (["a", "b", "x" * 256], "monitored_service_ids[2]"),
        (["b", "a", "b"], "monitored_service_ids[2]"),
        ([f"service-{n}" for n in range(10_001)], "monitored_service_ids"),
    ],
)
def test_a_policy_names_the_service_that_it_refuses(services, field):
    with pytest.raises(InvalidField) as refused:
        a_policy("shop", *services)
    assert refused.value.field == field


def test_a_policy_at_its_limits_is_taken():
    services = [f"service-{n}" for n in range(10_000)]
    policy = a_policy("x" * 255, *services, levels=(a_level(),) * 20, repeat_count=100, display_name="x" * 255)
    assert len(policy.monitored_service_ids) == 10_000


def test_services_are_kept_sorted_so_that_their_order_makes_no_revision():
    assert a_policy("shop", "b", "a") == a_policy("shop", "a", "b")


def test_a_new_policy_is_revision_one():
    policy = created()
    assert (policy.revision, policy.create_time, policy.update_time) == (1, NOW, NOW)


def test_an_id_that_is_taken_is_refused():
    with pytest.raises(PolicyExists) as refused:
        record_of(created()).create(a_policy(), LATER)
    assert refused.value.policy_id == "shop"


def test_a_change_makes_the_next_revision_and_keeps_the_time_of_creation():
    first = created()
    second = record_of(first).update(a_policy("shop"), first.etag, LATER)
    assert (second.revision, second.create_time, second.update_time) == (2, NOW, LATER)
    assert second.etag != first.etag


def test_a_change_that_changes_nothing_makes_no_revision():
    first = created()
    assert record_of(first).update(first.definition, first.etag, LATER) is first


def test_a_stale_etag_is_refused_even_if_nothing_would_change():
    first = created()
    second = record_of(first).update(a_policy("shop"), first.etag, LATER)
    for definition in (a_policy("shop", repeat_count=1), second.definition):
        with pytest.raises(StaleEtag):
            record_of(second).update(definition, first.etag, LATER)
    with pytest.raises(StaleEtag):
        record_of(second).read_at(first.etag)


def test_what_has_ended_or_never_was_can_be_neither_updated_nor_deleted():
    for record in (Record(POLICIES, SHOP), Record(POLICIES, SHOP, last_revision=3)):
        with pytest.raises(PolicyUnknown):
            record.update(a_policy(), "any", NOW)
        with pytest.raises(PolicyUnknown):
            record.read_at("any")


def test_an_id_that_is_used_again_counts_its_revisions_on():
    assert Record(POLICIES, SHOP, last_revision=3).create(a_policy(), LATER).revision == 4


def test_an_etag_tells_every_difference():
    base = created(a_policy("shop", "checkout"))
    others = [
        a_policy("shop", "payments"),
        a_policy("shop", "checkout", repeat_count=1),
        a_policy("shop", "checkout", display_name="Shop"),
        a_policy("shop", "checkout", default_policy=True),
        a_policy("shop", "checkout", levels=(a_level(ANA, BEN),)),
        a_policy("shop", "checkout", levels=(a_level(ANA_PHONE),)),
        a_policy("shop", "checkout", levels=(a_level(minutes=16),)),
        a_policy("pots", "checkout"),
    ]
    etags = {base.etag, *(created(other).etag for other in others)}
    etags.add(Record(POLICIES, SHOP, last_revision=1).create(base.definition, NOW).etag)
    assert len(etags) == len(others) + 2


def test_an_etag_does_not_depend_on_the_release_that_makes_it():
    assert created().etag == "74efeabd7aa2494b72327ebadf6707a1"


@given(definitions)
def test_equal_policies_have_equal_etags(definition):
    assert created(definition).etag == created(definition).etag


def test_a_service_of_another_policy_is_refused_and_the_other_is_named():
    taken = Coverage({CHECKOUT: PolicyId("other")}, None)
    with pytest.raises(ServiceAlreadyCovered) as refused:
        taken.admit(a_policy("shop", "a", "checkout"))
    assert (refused.value.monitored_service_id, refused.value.policy_id) == ("checkout", "other")


def test_a_second_default_is_refused_and_the_first_is_named():
    taken = Coverage({}, PolicyId("other"))
    with pytest.raises(DefaultPolicyExists) as refused:
        taken.admit(a_policy("shop", default_policy=True))
    assert refused.value.policy_id == "other"


def test_a_policy_does_not_stand_in_its_own_way():
    Coverage({CHECKOUT: SHOP}, SHOP).admit(a_policy("shop", "checkout", default_policy=True))
    Coverage({}, PolicyId("other")).admit(a_policy("shop", "checkout"))


@pytest.mark.parametrize(("policy_id", "revision", "field"), [("", 1, "policy_id"), ("shop", 0, "revision")])
def test_a_pinned_revision_is_named_properly(policy_id, revision, field):
    with pytest.raises(InvalidField) as refused:
        PolicyRevision(PolicyId(policy_id), revision)
    assert refused.value.field == field
