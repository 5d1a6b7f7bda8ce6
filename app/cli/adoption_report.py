"""What an adoption found and adds, for people and for machines."""

from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from app.database import AdoptionPlan


def plan_for_machines(plan: AdoptionPlan) -> dict[str, Any]:
    """A plan as JSON has it."""
    catalogue = plan.catalogue
    return {
        "tables": {name: _additions(plan, name) for name in [*catalogue.tables, *catalogue.missing]},
        "limits": catalogue.limits,
        "steps": [step.title for step in plan.steps],
    }


def render_plan(plan: AdoptionPlan) -> Table:
    """A row for each table of the catalogue."""
    table = Table("table", "", "what search adds", box=SIMPLE_HEAD)
    for name in plan.catalogue.tables:
        table.add_row(name, "there", "\n".join(_additions(plan, name)))
    for name in plan.catalogue.missing:
        table.add_row(name, "missing", "\n".join(_additions(plan, name)))
    return table


def _additions(plan: AdoptionPlan, name: str) -> list[str]:
    catalogue = plan.catalogue
    if name in catalogue.missing:
        return [f"table search.{name}"]
    added = []
    if catalogue.tables[name].needs_view:
        added.append(f"view search.{name}")
    added += [f"index {index}" for index, (table, _) in catalogue.indexes.items() if table == name]
    # who has a feature is asked when it matters
    if name != "feature_flags":
        added.append("triggers")
    return added
