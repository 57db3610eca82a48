"""The mail server of the suite counts the pages of an e-mail as the product writes it, however its lines are folded."""

import pytest
from builders import NOON, a_page, an_incident

from bench.servers.mail_sink import pages_in
from pager_domain.kernel import EmailAddress, MonitoredServiceId
from pager_domain.notifier.messages import EmailMessage
from pager_domain.pager.bundle_text import bundled
from pager_grpc.notifier.email_format import email_bytes

SENDER, ANA = EmailAddress("pager@example.com"), EmailAddress("ana@example.com")


def _email(subject: str, body: str) -> bytes:
    return email_bytes(EmailMessage("delivery-1", ANA, subject, body), SENDER, NOON)


@pytest.mark.parametrize("number", [*range(2, 20), 1000])
@pytest.mark.parametrize(
    "name", ["s-{}", "team-0-{:05}", "a-service-with-a-name-so-long-that-lines-are-folded-{}", "süd-{}"]
)
def test_a_bundle_says_how_many_pages_it_carries(number, name):
    incidents = [an_incident(monitored_service_id=MonitoredServiceId(name.format(n))) for n in range(number)]
    bundle = bundled([a_page(1, incident) for incident in incidents], NOON)
    assert pages_in(_email(bundle.subject, bundle.body)) == number


def test_a_page_is_one_page_whatever_its_words_are():
    page = a_page(1)
    assert pages_in(_email(page.subject, page.body)) == 1
    assert pages_in(_email(page.subject, "Subject: [ERROR] 7 pages: no header")) == 1
