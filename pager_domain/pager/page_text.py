"""The words of a page: what is broken, since when, which level this is, and how to acknowledge."""

import shlex
from datetime import datetime, timedelta

from pager_domain.pager.model import Incident
from pager_domain.pager.targets import Channel

MAX_SMS_CHARACTERS = 306
"""Two messages in the alphabet of GSM, where each of several holds 153: what a person reads at night. In another
alphabet, where each holds 67, they are up to five.
"""

MAX_BODY_BYTES = 32 * 1024
"""As much as the notifier takes; links and details may be longer together, and their end gives way."""


def page_text(incident: Incident, channel: Channel, now: datetime, due: datetime, step: int = 0) -> tuple[str, str]:
    """(subject, body) of a page of the incident's present level, decided at ``now``; an SMS has no subject.

    A page that is a minute behind ``due`` or more says so: whoever reads it must know that the trouble is not new.
    The pages of one level by the same way, ``step`` counts them from 0, are told apart, and so are those of another
    cycle: some gateways drop what they take for a repeat.
    """
    delay = _delay(now - due)
    if channel is Channel.SMS:
        return "", _sms(incident, delay, step)
    headline = " ".join(incident.alert.message.split())
    late = f"[{delay} late] " if delay else ""
    again = f"[page {step + 1}] " if step else ""
    subject = f"[{incident.alert.severity.upper()}] {late}{again}{incident.monitored_service_id}: {headline}"
    return _cut(subject, 200), _email_body(incident, now, delay, step)


def _delay(late: timedelta) -> str:
    """Like ``2 h 5 min``; empty below a minute."""
    hours, minutes = divmod(int(late.total_seconds()) // 60, 60)
    if late < timedelta(minutes=1):
        return ""
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"


def _sms(incident: Incident, delay: str, step: int) -> str:
    start = f"{delay} LATE: " if delay else ""
    start += f"{incident.alert.severity.upper()} {cut_for_sms(incident.monitored_service_id, 60)}: "
    again = (f", cycle {incident.cycle}" if incident.cycle > 1 else "") + (f", page {step + 1}" if step else "")
    level = f" | level {incident.level}{again}"
    acknowledge = f" | ack: {_ack_command(incident)}"
    # Half a command is worse than none; the message needs some room too.
    end = level + acknowledge if len(start + level + acknowledge) <= MAX_SMS_CHARACTERS - 60 else level
    words = " ".join(incident.alert.message.split())
    return start + cut_for_sms(words, MAX_SMS_CHARACTERS - len(start) - len(end)) + end


def _email_body(incident: Incident, now: datetime, delay: str, step: int) -> str:
    alert = incident.alert
    again = f", and again because nobody has answered (page {step + 1})" if step else ""
    lines = [
        f"Service:   {incident.monitored_service_id}",
        f"Message:   {alert.message}",
        f"Severity:  {alert.severity}",
        f"Opened:    {_moment(incident.opened_at)}",
        f"Paged:     {_moment(now)}" + (f" ({delay} late: the Pager could not page before)" if delay else "") + again,
        f"Level:     {incident.level}" + (f" (cycle {incident.cycle})" if incident.cycle > 1 else ""),
        f"Incident:  {incident.incident_id}",
        "",
        "To acknowledge, so that nobody else is paged:",
        f"  {_ack_command(incident)} --incident {incident.incident_id}",
        "When the service works again:",
        f"  pagerctl healthy {shlex.quote(incident.monitored_service_id)}",
    ]
    if alert.links:
        lines += ["", "Links:", *(f"  {link.url} {link.text}".rstrip() for link in alert.links)]
    if alert.details:
        lines += ["", "Details:", alert.details]
    return _cut_to_bytes("\n".join(lines) + "\n", MAX_BODY_BYTES)


def _ack_command(incident: Incident) -> str:
    return f"pagerctl ack {shlex.quote(incident.monitored_service_id)} --by YOU"


def _moment(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def cut_for_sms(text: str, length: int) -> str:
    """``text`` in ``length`` characters; a "…" is not in the alphabet of GSM, and would make five messages of two."""
    return text if len(text) <= length else text[: length - 3] + "..."


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"


def _cut_to_bytes(text: str, limit: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    return encoded[: limit - len("…\n".encode())].decode(errors="ignore") + "…\n"
