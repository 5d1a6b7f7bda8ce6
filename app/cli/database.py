"""vibe-search db: migrate, adopt, release, roles, url, psql."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from app.cli.adoption_report import plan_for_machines, render_plan
from app.database import (
    ROLES,
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
from app.database.steps import Show
from app.errors import UserError
from app.providers import build_providers
from app.settings import Settings, get_settings
from app.terminal import make_console, print_line, print_table


def migrate(*, roles: bool, as_json: bool) -> None:
    """Bring the database to the schema of this version; safe to repeat and to run twice at once."""
    settings = get_settings()
    with open_past_pooler(settings, "db migrate") as url, explaining_refusals():
        with _showing_steps("migrating") as show:
            steps = migrate_database(url, build_providers(settings).embedding.card, show)
        if roles:
            grant_roles(url, _passwords(settings))
            steps.append(f"roles: {', '.join(ROLES)}")
        elif settings.database_url is None:
            grant_embedded(url)
    if as_json:
        print_line(json.dumps({"steps": steps}))
    else:
        print_line("\n".join(steps) if steps else "The database is up to date.")


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
            print_table(make_console(), render_plan(plan))
        if not dry_run:
            with _showing_steps("adopting") as show:
                adopt_database(url, card, show, given)
    if as_json:
        sql = {"sql": write_script(plan)} if dry_run else {}
        print_line(json.dumps(plan_for_machines(plan) | {"dry_run": dry_run} | sql, indent=2))
    elif dry_run:
        print_line(write_script(plan), end="")
    else:
        for limit in plan.catalogue.limits:
            print_line(f"note: {limit}")
        print_line(_NEXT if plan.steps else "Search is up to date here.")


def release(*, dry_run: bool, as_json: bool) -> None:
    """Take search off an application's tables, so that its own migration can change them."""
    settings = get_settings()
    if settings.database_url is None:
        raise UserError("say which database: set DATABASE_URL")
    with open_past_pooler(settings, "db release") as url:
        plan = release_database(url, dry_run=dry_run)
    if as_json:
        sql = {"sql": write_release(plan)} if dry_run else {}
        print_line(json.dumps({"triggers": plan.triggers, "dry_run": dry_run} | sql, indent=2))
    elif dry_run:
        print_line(write_release(plan), end="")
    elif plan.triggers:
        print_line(f"Released: {', '.join(plan.triggers)}. Searches are refused until you run vibe-search db adopt.")
    else:
        print_line("Search is released already: vibe-search db adopt resumes it.")


_NEXT = """Name search is live. Sound search needs embeddings:
  vibe-search worker                embeds and classifies new tracks
  vibe-search backfill embeddings   enqueues the tracks that were there before"""


@contextmanager
def _showing_steps(first: str) -> Iterator[Show]:
    """A progress bar on standard error while the block runs, where that is a terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        bar = progress.add_task(first, total=None)
        yield lambda title, done, total: progress.update(bar, description=title, completed=done, total=total)


def roles(*, dry_run: bool, as_json: bool) -> None:
    """Make the roles vibe_app and vibe_reader, and grant them what they need and nothing more; safe to repeat."""
    settings = get_settings()
    with open_past_pooler(settings, "db roles") as url:
        require_schema(url)
        statements = grant_roles(url, _passwords(settings), dry_run=dry_run)
    if as_json:
        print_line(json.dumps({"roles": list(ROLES), "statements": statements, "dry_run": dry_run}))
    elif dry_run:
        print_line(";\n".join(statements))
    else:
        print_line(f"{' and '.join(ROLES)} have what they need.")


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
        print_line(json.dumps({"url": found}) if as_json else found)


def psql(*, arguments: list[str] | None) -> None:
    """Open psql on the database; what follows is passed on to it."""
    with open_database(get_settings()) as found:
        environment = os.environ | {"PSQL_PAGER": os.environ.get("PSQL_PAGER", "")}
        psql: list[str | Path] = [find_program("psql"), normalise_url(found), *(arguments or [])]
        finished = subprocess.run(psql, check=False, env=environment)  # noqa: S603 - the user's own words
    raise typer.Exit(finished.returncode)
