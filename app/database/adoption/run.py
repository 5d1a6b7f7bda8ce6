"""Letting search live beside a catalogue that an application already has."""

from typing import TYPE_CHECKING

from app.database.adoption.plan import AdoptionPlan, plan_adoption
from app.database.adoption.rules import Rules
from app.database.connection import SEARCH_PATH
from app.database.steps import Show, alone, run_steps, write_steps
from app.errors import UserError

if TYPE_CHECKING:
    from models.registry import ModelCard


def adopt(url: str, model: "ModelCard", show: Show | None = None, rules: Rules | None = None) -> list[str]:
    """Bring search to this version beside the tables of an application, which goes on writing to them meanwhile.

    Each step is a transaction of its own that waits for no lock longer than ``LOCK_TIMEOUT_MS`` and is tried again
    instead. Interrupted, it goes on where it ended.

    Args:
        url: libpq URL of the database.
        model: The model that is to serve when none does yet.
        show: Is told about each step.
        rules: Who may find a row; None for the rules of the last adoption.

    Returns:
        The titles of the steps; empty when there was nothing to do.

    Raises:
        UserError: The catalogue cannot be adopted, or a lock could not be had.
        DatabaseUnavailableError: The server does not answer.
    """
    with alone(url) as connection:
        plan = plan_adoption(connection, model, rules)
        _refuse_problems(plan)
        return run_steps(connection, plan.steps, show)


def preview_adoption(url: str, model: "ModelCard", rules: Rules | None = None) -> AdoptionPlan:
    """What ``adopt`` would do.

    Raises:
        UserError: The server is too old, or the catalogue cannot be adopted.
        DatabaseUnavailableError: The server does not answer.
    """
    with alone(url) as connection:
        plan = plan_adoption(connection, model, rules)
    _refuse_problems(plan)
    return plan


def _refuse_problems(plan: AdoptionPlan) -> None:
    """Refuse a catalogue with problems, naming them all.

    Raises:
        UserError: There are some.
    """
    if plan.catalogue.problems:
        raise UserError(
            "this catalogue cannot be adopted yet:\n" + "\n".join(f"- {text}" for text in plan.catalogue.problems)
        )


def write_script(plan: AdoptionPlan) -> str:
    """The SQL of a plan, as psql runs it."""
    said = [f"-- {limit}" for limit in plan.catalogue.limits]
    return "\n".join(["\\set ON_ERROR_STOP on", SEARCH_PATH + ";", *said, write_steps(plan.steps)]) + "\n"
