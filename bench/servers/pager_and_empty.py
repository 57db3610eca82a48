"""The whole pager, and one call that does nothing: `python -m bench.servers.pager_and_empty [--accept-only]`.

Configured like the product, from the environment. With ``--accept-only`` nothing escalates and nothing is delivered, so
that what is accepted while the clock runs is not paid for while it does not, or the other way round.
"""

import asyncio
import sys

from bench.servers.empty_call import add_empty_call, tell_port
from pager_grpc.pager.bootstrap import running_pager
from pager_grpc.pager.config import PagerSettings
from pager_grpc.runtime.config import read_settings
from pager_grpc.runtime.garbage import keep_what_is_loaded
from pager_grpc.runtime.logs import configure_logs
from pager_grpc.runtime.signals import until_signalled


async def main(*, paging: bool) -> None:
    """Serves until SIGTERM."""
    settings = read_settings(PagerSettings)
    configure_logs("pager", settings.log_level)
    async with running_pager(settings, also_serve=add_empty_call, paging=paging) as port:
        keep_what_is_loaded()
        tell_port(port)
        await until_signalled()


if __name__ == "__main__":
    asyncio.run(main(paging="--accept-only" not in sys.argv))
