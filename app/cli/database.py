"""vibe-search db: migrate, adopt, release, roles, url, psql."""

import json
import os
import subprocess
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.cli.adoption_report import plan_for_machines, render_plan
from app.database import (
    ROLES,
    Rules,
    find_program,
    grant_embedded,
    grant_roles,
    load_rules,
    normalise_url,
    open_database,
    open_past_pooler,
    preview_adoption,
    require_schema,
    write_release,
    write_script,
)
from app.database import adopt as adopt_database
from app.database import migrate as migrate_database
from app.database import release as release_database
from app.database.embedded_access import APPLICATION
from app.database.requirements import explaining_refusals
from app.errors import UserError
from app.providers import build_providers
from app.settings import Settings, get_settings
from models.registry import ModelCard


def migrate(*, roles: bool, as_json: bool) -> None:
    """Bring the database to the schema of this version; safe to repeat and to run twice at once."""
    settings = get_settings()
    with open_past_pooler(settings, "db migrate") as url, explaining_refusals():
        steps = migrate_database(url, build_providers(settings).embedding.card)
        if roles:
            grant_roles(url, _passwords(settings))
            steps.append(f"roles: {', '.join(ROLES)}")
        elif settings.database_url is None:
            grant_embedded(url)
    if as_json:
        typer.echo(json.dumps({"steps": steps}))
    else:
        typer.echo("\n".join(steps) if steps else "The database is up to date.")


def adopt(*, rules: str | None, dry_run: bool, as_json: bool) -> None:
    """Let search live in a database that has tracks, artists and the like already."""
    settings = get_settings()
    if settings.database_url is None:
        raise UserError("say which database: set DATABASE_URL")
    card = build_providers(settings).embedding.card
    given = None if rules is None else load_rules(rules)
    with open_past_pooler(settings, "db adopt") as url:
        plan = preview_adoption(url, card, given)
        if not as_json and not dry_run:
            Console().print(render_plan(plan))
        if not dry_run:
            _adopt(url, card, given)
    if as_json:
        sql = {"sql": write_script(plan)} if dry_run else {}
        typer.echo(json.dumps(plan_for_machines(plan) | {"dry_run": dry_run} | sql, indent=2))
    elif dry_run:
        typer.echo(write_script(plan), nl=False)
    else:
        for limit in plan.catalogue.limits:
            typer.echo(f"note: {limit}")
        typer.echo(_NEXT if plan.steps else "Search is up to date here.")


def release(*, dry_run: bool, as_json: bool) -> None:
    """Take search off an application's tables, so that its own migration can change them."""
    settings = get_settings()
    if settings.database_url is None:
        raise UserError("say which database: set DATABASE_URL")
    with open_past_pooler(settings, "db release") as url:
        plan = release_database(url, dry_run=dry_run)
    if as_json:
        sql = {"sql": write_release(plan)} if dry_run else {}
        typer.echo(json.dumps({"triggers": plan.triggers, "dry_run": dry_run} | sql, indent=2))
    elif dry_run:
        typer.echo(write_release(plan), nl=False)
    elif plan.triggers:
        typer.echo(f"Released: {', '.join(plan.triggers)}. Searches are refused until you run vibe-search db adopt.")
    else:
        typer.echo("Search is released already: vibe-search db adopt resumes it.")


_NEXT = """Name search is live. Sound search needs embeddings:
  vibe-search worker                embeds and classifies new tracks
  vibe-search backfill embeddings   enqueues the tracks that were there before"""


def _adopt(url: str, card: ModelCard, rules: Rules | None) -> None:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("adopting")
        adopt_database(
            url,
            card,
            lambda title, done, total: progress.update(bar, description=title, completed=done, total=total),
            rules,
        )


def roles(*, dry_run: bool, as_json: bool) -> None:
    """Make the roles vibe_app and vibe_reader, and grant them what they need and nothing more; safe to repeat."""
    settings = get_settings()
    with open_past_pooler(settings, "db roles") as url:
        require_schema(url)
        statements = grant_roles(url, _passwords(settings), dry_run=dry_run)
    if as_json:
        typer.echo(json.dumps({"roles": list(ROLES), "statements": statements, "dry_run": dry_run}))
    elif dry_run:
        typer.echo(";\n".join(statements))
    else:
        typer.echo(f"{' and '.join(ROLES)} have what they need.")


def _passwords(settings: Settings) -> dict[str, str]:
    found = {role: os.environ.get(f"{role.upper()}_PASSWORD", "") for role in ROLES}
    if settings.database_url is None:
        # there, serve and worker connect with the one that is in the password file
        del found[APPLICATION]
    return {role: password for role, password in found.items() if password}


def url(*, as_json: bool) -> None:
    """Print the database's URL. The embedded one answers only while a vibe-search command runs."""
    with open_database(get_settings()) as configured:
        found = normalise_url(configured)
        typer.echo(json.dumps({"url": found}) if as_json else found)


def psql(*, arguments: list[str] | None) -> None:
    """Open psql on the database; what follows is passed on to it."""
    with open_database(get_settings()) as found:
        environment = os.environ | {"PSQL_PAGER": os.environ.get("PSQL_PAGER", "")}
        psql: list[str | Path] = [find_program("psql"), normalise_url(found), *(arguments or [])]
        finished = subprocess.run(psql, check=False, env=environment)  # noqa: S603 - the user's own words
    raise typer.Exit(finished.returncode)
