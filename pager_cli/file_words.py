"""What the policy service says of its fields, in the words of the configuration file."""

import re

_WORDS = {
    "acknowledgement_expiry": "ack_expires",
    "acknowledgement_timeout": "ack_timeout",
    "contact_method_id": "id",
    "contact_methods": "contacts",
    "default_policy": "default",
    "delay": "after",
    "display_name": "name",
    "email_address": "email",
    "end_local_time": "to",
    "end_time": "until",
    "escalation_policies": "policies",
    "high_urgency_rule": "high_urgency",
    "layer_id": "id",
    "low_urgency_rule": "low_urgency",
    "monitored_service_ids": "services",
    "person_id": "id",
    "person_ids": "people",
    "phone_number": "sms",
    "policy_id": "id",
    "repeat_count": "repeat",
    "repeat_interval": "repeat",
    "restrictions": "only",
    "schedule_id": "id",
    "selection": "select",
    "start_local_time": "from",
    "start_time": "from",
    "target_id": "id",
    "time_zone": "zone",
}
# Where the file has no level of its own, or another word for the same field.
_PLACES = (
    (re.compile(r"(targets\[\d+\]\.)(?:\w+\.)?(person|schedule)_id"), r"\1\2"),
    (re.compile(r"\b(email|sms)\.(?:email_address|phone_number)"), r"\1"),
    (re.compile(r"(steps\[\d+\]\.)contact_method_id"), r"\1contact"),
    (re.compile(r"\brotation\.start_local_time"), "starts"),
    (re.compile(r"\brotation\.(?:length|unit)"), "every"),
    (re.compile(r"\brotation\."), ""),
)


def in_file_words(said: str) -> str:
    """``said``, a path or a limit, with the keys of the file: ``schedules[0].zone`` for ``schedules[0].time_zone``."""
    for place, key in _PLACES:
        said = place.sub(key, said)
    return re.sub(r"\w+", lambda word: _WORDS.get(word[0], word[0]), said)
