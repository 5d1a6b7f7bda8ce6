"""vibe-search db: migrate, adopt, release, roles, url, psql."""

from typing import Annotated

import typer

from app.cli.version import AsJson

cli = typer.Typer(
    help="The database: bring it up to date, adopt one, share it, find it, look into it.", no_args_is_help=True
)


@cli.command(epilog="Example: DATABASE_URL=postgresql://vibe@localhost/music vibe-search db migrate")
def migrate(
    roles: Annotated[bool, typer.Option("--roles", help="Then do as `vibe-search db roles` does.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the database to the schema of this version; safe to repeat and to run twice at once."""
    from app.cli.database import migrate

    migrate(roles=roles, as_json=as_json)


@cli.command(epilog="Example: DATABASE_URL=postgresql://plyr@localhost/plyr vibe-search db adopt --dry-run > adopt.sql")
def adopt(
    rules: Annotated[
        str | None,
        typer.Option(
            "--rules",
            metavar="FILE",
            help="Who may find a row: a TOML file, or the name of ready rules (plyr.fm). Kept for later adoptions.",
        ),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Let search live in a database that has tracks, artists and the like already.

    Nothing of theirs is changed: what search needs goes into a schema of its own, with triggers and indexes on their
    tables. The application may go on writing meanwhile, and the command may be run again, which goes on where it ended.
    """
    from app.cli.database import adopt

    adopt(rules=rules, dry_run=dry_run, as_json=as_json)


@cli.command(epilog="Example: DATABASE_URL=postgresql://plyr@localhost/plyr vibe-search db release")
def release(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Take search off an application's tables, so that its own migration can change them.

    Triggers and views go. Until `vibe-search db adopt` is run again, searches are refused: what the application hides
    meanwhile is not known.
    """
    from app.cli.database import release

    release(dry_run=dry_run, as_json=as_json)


@cli.command(epilog="Example: VIBE_APP_PASSWORD=... vibe-search db roles")
def roles(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the SQL, and change nothing.")] = False,
    as_json: AsJson = False,
) -> None:
    """Make the roles vibe_app and vibe_reader, and grant them what they need and nothing more; safe to repeat.

    The passwords with which they may log in come from VIBE_APP_PASSWORD and VIBE_READER_PASSWORD.
    """
    from app.cli.database import roles

    roles(dry_run=dry_run, as_json=as_json)


@cli.command(epilog="Example: pg_dump $(vibe-search db url) > backup.sql   (while vibe-search serve runs)")
def url(as_json: AsJson = False) -> None:
    """Print the database's URL. The embedded one answers only while a vibe-search command runs."""
    from app.cli.database import url

    url(as_json=as_json)


@cli.command(
    epilog="""Example: vibe-search db psql -c "select * from search.unified('fern')" """,
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
)
def psql(
    arguments: Annotated[list[str] | None, typer.Argument(help="Passed on to psql.")] = None,
) -> None:
    """Open psql on the database; what follows is passed on to it."""
    from app.cli.database import psql

    psql(arguments=arguments)
