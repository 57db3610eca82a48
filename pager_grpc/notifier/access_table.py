"""Who may call the notifier: it writes to anybody, so only the services of the Pager may have it write."""

from typing import Final

from pager_domain.access.principal import Role, Verb
from pager_domain.access.rules import Rule
from pager_grpc.access.table import AccessTable, Row, rows_of

_PAGES: Final = Row(Rule(Verb.SEND, rooms=frozenset({"pager"})))
_PAGES_AND_CODES: Final = Row(Rule(Verb.SEND, rooms=frozenset({"pager", "policy"})))
_RECORDS: Final = Row(Rule(Verb.READ, frozenset({Role.ADMIN})))

ACCESS: Final[AccessTable] = rows_of(
    "notifier.v1.NotifierService",
    {
        "SendEmail": _PAGES_AND_CODES,
        "SendSms": _PAGES_AND_CODES,
        "SendMessages": _PAGES,
        "GetDelivery": _RECORDS,
        "ListDeliveries": _RECORDS,
    },
)
