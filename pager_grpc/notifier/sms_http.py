"""Text messages through Twilio's REST form API, and any gateway that speaks it."""

import asyncio
import json
import ssl
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import httpx
import structlog

from pager_domain.kernel import Clock
from pager_domain.notifier.messages import SmsMessage
from pager_domain.notifier.model import Accepted, Deferred, InDoubt, ProviderAnswer, Refused
from pager_domain.notifier.ports.sms_sender import SmsSender
from pager_grpc.notifier.abandoned import DISCARD_ON_CLOSE
from pager_grpc.notifier.places import USUAL_PLACES, Places
from pager_grpc.runtime.outbound_addresses import Destinations, Network
from pager_grpc.runtime.outbound_http import outbound_client

log = structlog.get_logger()

RETRY_AFTER = timedelta(seconds=5)
LONGEST_RETRY_AFTER = timedelta(seconds=60)
_ABSURD_RETRY_AFTER = timedelta(days=1)


class HttpSmsSender(SmsSender):
    """One POST for each text message, ``connections`` at a time; an async context manager that owns the connections.

    ``allowed`` are networks in which the gateway may be though they are not public.
    """

    provider = "sms-gateway"

    def __init__(
        self,
        url: str,
        account: str,
        token: str,
        number: str,
        *,
        clock: Clock,
        tls_context: ssl.SSLContext | None = None,
        connections: int = USUAL_PLACES,
        allowed: Sequence[Network] = (),
    ) -> None:
        self._places = Places(connections)
        self._url = _messages_url(url, account)
        self._from = number
        self._clock = clock
        self._client = outbound_client(
            Destinations.of_operator(url, allowed),
            tls=tls_context,
            connections=connections,
            socket_options=[DISCARD_ON_CLOSE],
            auth=(account, token),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    @property
    def sessions_in_use(self) -> int:
        """How many carry a message at the moment."""
        return self._places.taken

    @property
    def sessions_limit(self) -> int:
        """How many there may be."""
        return self._places.count

    async def send_sms(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        """One POST; what was taken is judged by the status, what was said is kept in short.

        A connection is waited for half of ``budget`` at most: who begins late could not hear the answer.
        """
        deadline = asyncio.get_running_loop().time() + budget.total_seconds()
        if not await self._places.take(budget.total_seconds() / 2):
            return Deferred(RETRY_AFTER, "all connections to the gateway are busy")
        try:
            return await self._post(message, timedelta(seconds=deadline - asyncio.get_running_loop().time()))
        finally:
            self._places.give_back()

    async def _post(self, message: SmsMessage, budget: timedelta) -> ProviderAnswer:
        form = {"To": message.number.value, "From": self._from, "Body": message.text}
        exchange = _Exchange()
        try:
            async with asyncio.timeout(budget.total_seconds()):
                response, body = await exchange.post(self._client, self._url, form, budget)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, TimeoutError) as fault:
            return exchange.failed(fault)
        return _answer_of(response, body, self._clock.now())


class _Exchange:
    """One request and its response; knows whether any of the request has left."""

    def __init__(self) -> None:
        self._left = False
        self._status: int | None = None

    async def post(
        self, client: httpx.AsyncClient, url: str, form: dict[str, str], budget: timedelta
    ) -> tuple[httpx.Response, bytes]:
        """The response and at most 64 KiB of its body; a body that breaks off is as good as none."""
        # The caller bounds the whole exchange. Connecting and the TLS handshake have bounds of their own below it:
        # httpx leaks the socket of a handshake that is cancelled, and closes that of one that times out.
        timeout = httpx.Timeout(None, connect=0.45 * budget.total_seconds())
        headers = {"Accept": "application/json"}
        extensions = {"trace": self._trace}
        request = client.build_request("POST", url, data=form, headers=headers, timeout=timeout, extensions=extensions)
        response = await client.send(request, stream=True)
        try:
            return response, await _body_of(response)
        finally:
            await response.aclose()

    def failed(self, fault: Exception) -> ProviderAnswer:
        """No response came."""
        said = str(fault) or type(fault).__name__
        if self._left:
            return InDoubt(said)
        log.warning("sms_gateway_unreachable", fault=type(fault).__name__)
        return Deferred(RETRY_AFTER, said)

    async def _trace(self, event: str, info: dict[str, Any]) -> None:
        # "http11.send_request_headers.started"; with a proxy in between the name has another first part.
        if event.endswith("send_request_headers.started"):
            self._left = True


async def _body_of(response: httpx.Response) -> bytes:
    with suppress(httpx.HTTPError):
        return await response.aread()
    return b""


def _answer_of(response: httpx.Response, body: bytes, now: datetime) -> ProviderAnswer:
    status, document = response.status_code, _document_of(body)
    said = _said(status, document)
    match status:
        case _ if 200 <= status < 300:
            sid = document.get("sid")
            return Accepted(sid) if isinstance(sid, str) and sid else InDoubt(f"{said}: no sid")
        case 401 | 403:
            log.error("sms_gateway_refuses_our_credentials", status=status)
            return Deferred(RETRY_AFTER, said)
        # 408: the request did not arrive as a whole. 503: by RFC 9110 a server that does not handle requests now.
        case 408 | 429 | 503:
            return Deferred(_retry_after(response.headers.get("Retry-After", ""), now), said)
        case _ if 400 <= status < 500:
            return Refused(said)
        # The others of 5xx come from a gateway that may have handed the text on before it, or something behind it,
        # failed; or whose answer was lost on its way through a proxy.
        case _ if status >= 500:
            return InDoubt(said)
        case _:
            log.error("sms_gateway_redirects", status=status)
            return Deferred(RETRY_AFTER, said)


def _document_of(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _said(status: int, document: dict[str, Any]) -> str:
    code, message = document.get("code"), document.get("message")
    return " ".join([f"HTTP {status}", *(str(part)[:500] for part in (code, message) if part)])


def _retry_after(header: str, now: datetime) -> timedelta:
    wait = _wait_of(header.strip(), now)
    if wait is None or not timedelta() <= wait <= _ABSURD_RETRY_AFTER:
        return RETRY_AFTER
    return min(wait, LONGEST_RETRY_AFTER)


def _wait_of(header: str, now: datetime) -> timedelta | None:
    try:
        if header.isascii() and header.isdigit():
            return timedelta(seconds=int(header))
        moment = parsedate_to_datetime(header)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


def _messages_url(url: str, account: str) -> str:
    if url.endswith("Messages.json"):
        return url
    return f"{url.rstrip('/')}/2010-04-01/Accounts/{quote(account, safe='')}/Messages.json"
