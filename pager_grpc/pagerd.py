"""`pagerd`: the commands that run the services. A command imports what it needs itself, so that help is quick."""

import asyncio
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from pager_grpc.daemon.rooms import Room

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import PackageNotFoundError, version  # noqa: PLC0415 - see above

        try:
            typer.echo(f"pagerd {version('hexagonal-pager')}")
        except PackageNotFoundError:
            typer.echo("pagerd, not installed: run from a source tree")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run the Pager's three services. Configuration comes from the environment and .env."""


AllowDataLoss = Annotated[
    bool,
    typer.Option(
        "--allow-data-loss",
        help="Use a database that is set so that answered alerts can be lost (also PAGERD_ALLOW_DATA_LOSS=1).",
    ),
]

Insecure = Annotated[
    bool,
    typer.Option(
        "--insecure",
        help="Talk in plaintext beyond this machine when there are no certificates (also PAGERD_INSECURE=1).",
    ),
]


def _allow(*, data_loss: bool, insecure: bool) -> None:
    if data_loss:
        os.environ["PAGERD_ALLOW_DATA_LOSS"] = "1"
    if insecure:
        os.environ["PAGERD_INSECURE"] = "1"


@app.command()
def up(
    configuration: Annotated[
        Path | None,
        typer.Option(
            "--configuration",
            "--policies",
            exists=True,
            dir_okay=False,
            help="A file of people, schedules and policies to apply once all services serve; "
            "if it contradicts what is stored, that stays.",
        ),
    ] = None,
    log_files: Annotated[bool, typer.Option(help="Logs into DATA/log/ROOM.log instead of stderr.")] = False,
    allow_data_loss: AllowDataLoss = False,
    insecure: Insecure = False,
) -> None:
    """Starts all three services over loopback, on SQLite unless a database is configured; Ctrl-C stops them."""
    from pager_grpc.daemon.up import up as run_up  # noqa: PLC0415 - see above

    _allow(data_loss=allow_data_loss, insecure=insecure)
    raise typer.Exit(run_up(configuration, log_files=log_files))


@app.command()
def serve(room: Room, allow_data_loss: AllowDataLoss = False, insecure: Insecure = False) -> None:
    """Runs one service in this process until SIGTERM."""
    from pager_grpc.daemon.rooms import main_of  # noqa: PLC0415 - see above

    _allow(data_loss=allow_data_loss, insecure=insecure)
    raise typer.Exit(main_of(room)())


@app.command()
def migrate(room: Room) -> None:
    """Brings the schema of one service's database to the newest revision."""
    from pager_grpc.daemon.schema import migrated  # noqa: PLC0415 - see above

    raise typer.Exit(asyncio.run(migrated(room)))


@app.command()
def backup(
    room: Room,
    file: Annotated[Path, typer.Argument(dir_okay=False, resolve_path=True, help="A new file, not there yet.")],
) -> None:
    """Writes what one service stores on SQLite to FILE, also while it serves; on PostgreSQL use pg_dump."""
    from pager_grpc.daemon.backup import backed_up  # noqa: PLC0415 - see above

    raise typer.Exit(backed_up(room, file))


@app.command()
def restore(room: Room, file: Annotated[Path, typer.Argument(exists=True, dir_okay=False)]) -> None:
    """Puts a backup in the place of what one stopped service stores on SQLite; what was there is kept beside it."""
    from pager_grpc.daemon.backup import restored  # noqa: PLC0415 - see above

    raise typer.Exit(restored(room, file))


@app.command("known-until")
def known_until(rooms: Annotated[list[Room] | None, typer.Argument(help="All three if none is named.")] = None) -> None:
    """Tells until when services know what happened, and what it means after a restore; on SQLite while they rest."""
    from pager_grpc.daemon.backup import known_until as tell  # noqa: PLC0415 - see above

    raise typer.Exit(asyncio.run(tell(list(dict.fromkeys(rooms or Room)))))


@app.command()
def key() -> None:
    """Prints a fresh key for PAGER_ADDRESS_KEYS: the first one seals addresses in the pager's database, each opens."""
    from pager_grpc.pager.address_keys import new_key  # noqa: PLC0415 - see above

    typer.echo(new_key())


@app.command()
def certificates(
    folder: Annotated[Path, typer.Argument(file_okay=False, help="Where the files are written.")],
    host: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="A further host name or address of the servers.")
    ] = None,
    renew: Annotated[bool, typer.Option("--renew", help="New certificates by the CA that is there.")] = False,
    days: Annotated[int, typer.Option(min=1, max=825, help="How long the certificates are valid.")] = 90,
) -> None:
    """Makes a private CA and certificates for the three services and an admin; never overwrites without --renew."""
    from datetime import timedelta  # noqa: PLC0415 - see above

    from pager_grpc.daemon.certificates import (  # noqa: PLC0415 - see above
        CertificatesRefused,
        use_of,
        write_certificates,
    )

    try:
        written = write_certificates(folder, host or (), renew=renew, lifetime=timedelta(days=days))
    except CertificatesRefused as refused:
        typer.echo(refused, err=True)
        raise typer.Exit(1) from refused
    typer.echo("\n".join([*written, use_of(folder)]))


@app.command("admin-key")
def admin_key() -> None:
    """Prints a first admin's API key, and the setting by which all services know it; neither is kept."""
    from pager_grpc.access.first_admin import new_admin_key  # noqa: PLC0415 - see above

    key, setting = new_admin_key()
    typer.echo(f"PAGERCTL_API_KEY={key}")
    typer.echo(f"PAGERD_ADMIN_KEY_HASH={setting}")


@app.command()
def check(
    rooms: Annotated[list[Room] | None, typer.Argument(help="All three if none is named.")] = None,
    allow_data_loss: AllowDataLoss = False,
    insecure: Insecure = False,
) -> None:
    """Reports every fault of the configuration at once (exit 2), or what each service would use.

    Variables that are named like settings and are none are mentioned, too.
    """
    from pager_grpc.daemon.configuration import described, read_configuration  # noqa: PLC0415 - see above
    from pager_grpc.daemon.databases import remarks_on_databases  # noqa: PLC0415 - see above
    from pager_grpc.daemon.unknown_settings import remarks_on_unknown_settings  # noqa: PLC0415 - see above

    _allow(data_loss=allow_data_loss, insecure=insecure)
    for remark in remarks_on_unknown_settings():
        typer.echo(remark, err=True)
    configuration = read_configuration(list(dict.fromkeys(rooms or Room)))
    for remark in asyncio.run(remarks_on_databases(configuration)):
        typer.echo(remark, err=True)
    for room, settings in configuration.items():
        typer.echo(described(room, settings))


@app.command()
def health(
    rooms: Annotated[list[Room] | None, typer.Argument(help="Those that listen here, if none is named.")] = None,
    timeout: Annotated[float, typer.Option(min=0.1, help="Seconds.")] = 3.0,
) -> None:
    """Asks services on this machine for their gRPC health; exit 0 if all that were asked are SERVING, else 1."""
    from pager_grpc.daemon.healthcheck import report  # noqa: PLC0415 - see above

    raise typer.Exit(asyncio.run(report(rooms, timeout)))


def main() -> Any:
    """Runs the command line; the exit code is 0, 1 for a failure, 2 for configuration or usage."""
    # grpc's own diagnostics about connections that are not there yet; must be set before grpc is imported.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        return app()
    except Exception as error:
        from pager_grpc.runtime.config import ConfigurationFault, exit_with_faults  # noqa: PLC0415 - see above

        if isinstance(error, ConfigurationFault):
            return exit_with_faults(error.faults)
        if isinstance(error, UnicodeDecodeError) and not _is_text(Path(".env")):
            return exit_with_faults([".env: is not UTF-8 text"])
        raise


def _is_text(file: Path) -> bool:
    try:
        file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        return isinstance(error, OSError)  # what cannot be read was not decoded either
    return True


if __name__ == "__main__":
    sys.exit(main())
