"""What `pagerd check` asks the databases: whether an answered alert would survive a crash on them."""

import asyncio
from collections.abc import Mapping

from sqlalchemy import make_url

from pager_domain.errors import StoreUnavailable
from pager_grpc.daemon.rooms import Room, ServedSettings
from pager_grpc.runtime.config import ConfigurationFault
from pager_grpc.runtime.database import open_database
from pager_grpc.runtime.durability import ReadOnlyServer, examined


async def remarks_on_databases(configuration: Mapping[Room, ServedSettings]) -> list[str]:
    """What is worth knowing of the databases, though it stops nothing: one that cannot be reached is not judged.

    A SQLite file is not opened: a service sets it as it must be.

    Raises:
        ConfigurationFault: with one sentence for each setting that a service would refuse.
    """
    served = [(r, s) for r, s in configuration.items() if make_url(s.database_url).get_backend_name() != "sqlite"]
    answers = await asyncio.gather(*(_judged(room, settings) for room, settings in served))
    if faults := [fault for found, _ in answers for fault in found]:
        raise ConfigurationFault(faults)
    return [remark for _, found in answers for remark in found]


async def _judged(room: Room, settings: ServedSettings) -> tuple[list[str], list[str]]:
    database = open_database(settings.database_url)
    try:
        faults, risks, degraded = await examined(database, room)
    except StoreUnavailable as error:
        if isinstance(error.__cause__, ReadOnlyServer):
            return [str(error.__cause__)], []
        return [], [f"{room}: the database cannot be reached, its settings were not looked at: {error.__cause__}"]
    finally:
        await database.close()
    remarks = [f"{room}: durability is degraded: {degraded}"] if degraded else []
    if settings.allow_data_loss:
        return faults, [*remarks, *(f"{room}: data loss is allowed: {risk}" for risk in risks)]
    return [*faults, *risks], remarks
