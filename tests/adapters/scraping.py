"""The metrics of a room as Prometheus reads them."""

import asyncio
from contextlib import asynccontextmanager

import httpx
from prometheus_client.parser import text_string_to_metric_families

PATIENCE = 15


class Scraper:
    """Asks a room for its metrics."""

    def __init__(self, client: httpx.AsyncClient, url: str) -> None:
        self._client, self._url = client, url

    async def values(self):
        """Every sample by its name and its labels."""
        answer = await self._client.get(self._url)
        assert answer.status_code == 200
        families = text_string_to_metric_families(answer.text)
        return {series(s.name, **s.labels): s.value for family in families for s in family.samples}

    async def until(self, happened):
        """The samples as soon as ``happened`` holds of them; each look lets the room go on."""
        async with asyncio.timeout(PATIENCE):
            while not happened(values := await self.values()):
                pass
        return values


def series(name, **labels):
    return name, *sorted(labels.items())


@asynccontextmanager
async def scraping(metrics):
    """A scraper of ``metrics`` that are served on this machine."""
    async with httpx.AsyncClient(trust_env=False) as client:
        yield Scraper(client, f"http://127.0.0.1:{metrics.port}/metrics")
