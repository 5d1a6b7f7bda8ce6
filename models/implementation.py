"""Loading a model by the class that its card names."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from models.card import Card
    from models.runtime.run_options import RunOptions


def build_model(card: Card, options: RunOptions) -> object:
    """Load a model whose files have been checked, for the caller alone.

    Args:
        card: Names the class as `module:class`, and where the files are.
        options: How the model runs.

    Raises:
        ModelFileError: A file is not of such a model.
    """
    module, _, class_name = card.implementation.partition(":")
    build = cast("Callable[[Card, RunOptions], object]", getattr(import_module(module), class_name))
    return build(card, options)
