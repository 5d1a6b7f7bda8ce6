"""A contender's process, seen from outside."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO, Any, NoReturn, Self

from app.errors import UserError

_END_SECONDS = 20


class Session:
    """Starts a contender; use it as a context.

    Args:
        name: Of the contender.
        models_dir: Where the model is installed, and its checkpoint lies.
        model: The model's name.
        threads: For one forward pass.

    Attributes:
        name: Of the contender.
    """

    def __init__(self, name: str, models_dir: Path, model: str, threads: int) -> None:
        self.name = name
        self._command = [sys.executable, "-m", "app.measure.speed.embedding.contender", name, str(models_dir), model]
        self._command.append(str(threads))
        self._errors: IO[str] | None = None
        self._process: subprocess.Popen[str] | None = None
        self._started = 0.0

    def __enter__(self) -> Self:
        """Start it; nothing is waited for."""
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8")
        self._started = time.perf_counter()
        environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_PROGRESS_BARS": "1"}
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            self._command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=environment,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate(timeout=_END_SECONDS)
        if self._errors is not None:
            self._errors.close()

    @property
    def age(self) -> float:
        """Seconds since it was started."""
        return time.perf_counter() - self._started

    def ask(self, **request: object) -> dict[str, Any]:
        """One request and its answer.

        Raises:
            UserError: A package that the contender needs is missing.
            RuntimeError: It has ended; the message is the last that it said.
        """
        process = self._process
        if process is None or process.stdin is None or process.stdout is None or self._errors is None:
            raise RuntimeError(f"{self.name} does not run")
        try:
            process.stdin.write(json.dumps(request) + "\n")
            process.stdin.flush()
            line = process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            self._report_end(self._errors)
        found: dict[str, Any] = json.loads(line)
        return found

    def _report_end(self, errors: IO[str]) -> NoReturn:
        errors.seek(0)
        said = errors.read().strip().rpartition("\n")[2]
        if said.startswith("ModuleNotFoundError"):
            raise UserError(
                f"{self.name}: {said.partition(': ')[2]}: pip install -c constraints.txt -e '.[bench,export]'"
            )
        raise RuntimeError(f"{self.name} has ended: {said}")
