"""How commands explain themselves: in plain text, since rich takes longer to import than the rest of the command."""

from typing import Any, Final, TypedDict

import typer


class _Explained(TypedDict):
    rich_markup_mode: None
    pretty_exceptions_enable: bool
    context_settings: dict[str, int]


IN_PLAIN_TEXT: Final[_Explained] = {
    "rich_markup_mode": None,
    "pretty_exceptions_enable": False,
    # otherwise lines end at 80
    "context_settings": {"max_content_width": 100},
}
"""Options of every `typer.Typer` that is run."""

_AS_IT_IS = "\b\n"
"""Before a paragraph whose lines are not to be joined."""


def explain(command: Any) -> None:  # noqa: ANN401 - the types of typer's own click are not public
    """Let a command's help have an example a line and whole summaries, and be quick.

    Args:
        command: What `typer.main.get_command` has returned, or one of the commands in it.
    """
    text = command.help or ""
    # otherwise lists of commands have its first words, and dots
    command.short_help = text.partition("\n\n")[0].replace("\n", " ")
    command.help = text.replace("\nExample", f"\n{_AS_IT_IS}Example")
    if command.epilog:
        command.epilog = _AS_IT_IS + command.epilog
    for parameter in (*command.params, command.get_help_option(typer.Context(command))):
        _spare_pydantic(parameter)


def _spare_pydantic(parameter: Any) -> None:  # noqa: ANN401 - as above
    """Let typer import pydantic for what is given, and not for what is not."""
    if getattr(parameter, "is_flag", False) and parameter.default is None:
        parameter.default = False
    if parameter.required or parameter.multiple or parameter.nargs != 1:
        return
    process = parameter.process_value

    def process_given(context: typer.Context, value: object) -> object:
        return None if value is None else process(context, value)

    parameter.process_value = process_given
