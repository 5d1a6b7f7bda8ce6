"""How long ago something was."""

from datetime import UTC, datetime

_UNITS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def describe_age(moment: datetime | None) -> str:
    """The time since a moment in its largest unit, one second at least; nothing where there is no moment."""
    if moment is None:
        return ""
    seconds = max(1, int((datetime.now(UTC) - moment).total_seconds()))
    size, unit = next(found for found in _UNITS if seconds >= found[0])
    return f"{seconds // size} {unit}"
