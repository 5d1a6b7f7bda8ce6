"""vibe-search models check, and the same check before a model may serve."""

import json

from rich.console import Console
from rich.table import Table
from rich.text import Text

from app.errors import UserError
from app.providers import build_registry, build_remote
from app.settings import Settings, get_settings
from app.terminal import make_console, print_line, print_table
from models.check import CheckReport, check_model
from models.registry import ModelCard, ModelFileError, UnknownModelError, open_model
from services.embedding.provider_model import ProviderModel
from services.embedding.remote import RemoteError


def check(*, name: str, as_json: bool) -> None:
    """Look whether a model may serve: its known vectors, the same every time, spaces that are not collapsed."""
    settings = get_settings()
    try:
        card = build_registry(settings).find(name)
    except UnknownModelError as error:
        raise UserError(str(error)) from error
    report = inspect_model(settings, card)
    if as_json:
        print_line(json.dumps(report.as_dict(), ensure_ascii=False, indent=2))
    else:
        console = make_console()
        print_table(console, _render(report))
        show_hints(console, report)
    require_passed(report)


def inspect_model(settings: Settings, card: ModelCard) -> CheckReport:
    """Open a model, or ask the service that runs it, and check it.

    Raises:
        UserError: It is not installed, its files are damaged, or the service does not answer as it should.
    """
    try:
        remote = build_remote(settings, card)
        model = open_model(card, settings.run_options) if remote is None else ProviderModel(remote)
        with Console(stderr=True).status(f"checking {card.identity}"):
            return check_model(model, elsewhere=remote is not None)
    except (ModelFileError, RemoteError) as error:
        raise UserError(str(error)) from error


def require_passed(report: CheckReport) -> None:
    """Refuse a model that failed.

    Raises:
        UserError: It names what failed, what that means and what to do.
    """
    failed = [f"{f.name}: {f.value}, not {f.limit}: {f.advice}" for f in report.findings if not f.passed]
    if failed:
        raise UserError(f"{report.identity} may not serve. " + "; ".join(failed))


def show_hints(console: Console, report: CheckReport) -> None:
    """Print what could be better about a model that may serve."""
    for finding in report.findings:
        if finding.passed and finding.advice:
            console.print(f"{finding.name}: {finding.advice}", highlight=False, soft_wrap=True, markup=False)


def _render(report: CheckReport) -> Table:
    table = Table("", "what", "found", "right", title=report.identity, title_justify="left")
    for finding in report.findings:
        mark = Text("ok", "yellow" if finding.advice else "green") if finding.passed else Text("no", "red")
        table.add_row(mark, finding.name, finding.value, finding.limit)
    return table
