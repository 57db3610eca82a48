"""A bundle names or counts every page that it carries."""

from dataclasses import replace

from builders import NOON, a_page, a_target, an_incident

from pager_domain.kernel import MonitoredServiceId
from pager_domain.pager.bundle_text import bundled
from pager_domain.pager.events import Severity
from pager_domain.pager.page_text import MAX_BODY_BYTES, MAX_SMS_CHARACTERS

EMAIL, SMS = 1, 2


def pages(number, target, subject="[ERROR] {}: it burns", **more):
    names = [MonitoredServiceId(f"service-{n:04}") for n in range(number)]
    found = [a_page(target, an_incident(monitored_service_id=name, incident_id=f"incident-{name}")) for name in names]
    return [replace(p, subject=subject.format(p.monitored_service_id), severity=Severity.ERROR, **more) for p in found]


def test_an_email_names_every_page_with_its_incident_and_says_how_to_answer():
    bundle = bundled(pages(12, EMAIL), NOON)
    named = ", ".join(page.monitored_service_id for page in bundle.pages[:7])
    assert bundle.subject == f"[ERROR] 12 pages: {named} and 5 more"
    for page in bundle.pages:
        assert f"{page.subject}\n    level 1, incident {page.incident_id}\n" in bundle.body
    assert "12 pages for you" in bundle.body
    assert "pagerctl ack SERVICE --by YOU" in bundle.body


def test_an_email_that_has_no_room_for_all_names_counts_the_rest():
    bundle = bundled(pages(1000, EMAIL, subject="[ERROR] {}: " + "ü" * 100), NOON)
    named = bundle.body.count("    level 1, incident")
    assert 0 < named < 1000
    assert f"and {1000 - named} more\n" in bundle.body
    assert len(bundle.body.encode()) <= MAX_BODY_BYTES
    assert bundle.body.endswith("--by YOU\n")


def test_a_text_message_names_what_fits_and_counts_all():
    bundle = bundled(pages(300, SMS), NOON)
    assert (bundle.subject, len(bundle.body) <= MAX_SMS_CHARACTERS) == ("", True)
    named = bundle.body.count("service-")
    assert bundle.body.startswith("300 PAGES 12:00:00 UTC (300 error): service-0000, service-0001, ")
    assert bundle.body.endswith(f" and {300 - named} more | see: pagerctl incidents")
    assert named > 10


def test_names_of_any_length_leave_room_for_the_count():
    names = [MonitoredServiceId("x" * 250 + str(n)) for n in range(9)]
    long = [replace(page, monitored_service_id=name) for page, name in zip(pages(9, SMS), names, strict=True)]
    assert len(bundled(long, NOON).body) <= MAX_SMS_CHARACTERS
    assert bundled(long, NOON).body.startswith("9 PAGES 12:00:00 UTC (9 error): ")


def test_the_most_severe_comes_first_and_gives_the_bundle_its_severity():
    mild, worst = pages(2, EMAIL)
    worst = replace(worst, severity=Severity.CRITICAL)
    bundle = bundled([mild, worst], NOON)
    assert bundle.pages == (worst, mild)
    assert bundle.subject.startswith("[CRITICAL] 2 pages: service-0001, service-0000")
    assert "(1 critical, 1 error)" in bundle.body


def test_its_id_is_that_of_its_pages_in_any_order_and_of_no_others():
    one, two, three = pages(3, EMAIL)
    assert bundled([one, two], NOON).notification_id == bundled([two, one], NOON).notification_id
    assert len({bundled(some, NOON).notification_id for some in ([one, two], [one, three], [one, two, three])}) == 3
    assert bundled([one, two], NOON).target == a_target(EMAIL)
