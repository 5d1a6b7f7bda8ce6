"""Writing a file whole or not at all."""

import os
from collections.abc import Callable
from pathlib import Path


def replace_file(path: Path, text: str, give: Callable[[Path], None] | None = None) -> None:
    """Write a file that only its owner can read, in the place of the one that is there.

    Args:
        path: The file. Another of the same name with ``.new`` is written first.
        text: What it holds.
        give: Called with the new file before it takes its place, such as to change its owner.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    if give is not None:
        give(new)
    new.replace(path)
