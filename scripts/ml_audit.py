"""Tell which tracks of which artists have been processed by machine learning.

Example:
    python scripts/ml_audit.py --verbose
"""

from typing import Annotated

import typer

from app.cli.exit_status import configure_log, run_to_exit
from app.cli.version import AsJson
from app.processing.audit import run_audit
from app.settings import get_settings


def main(
    verbose: Annotated[bool, typer.Option("--verbose", help="List each track, too, and every difference.")] = False,
    check: Annotated[
        bool,
        typer.Option(
            "--check-embeddings",
            help="Compare the vectors with the tracks, the tracks with the audio, the mirror with both.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what has been embedded and classified of each artist, when, what waits, what failed, and what never was.

    Ends with 1 when --check-embeddings finds something wrong.

    Examples:
      python scripts/ml_audit.py

      python scripts/ml_audit.py --verbose --check-embeddings
    """
    configure_log(verbose=False)
    raise typer.Exit(run_audit(get_settings(), check=check, verbose=verbose, as_json=as_json))


if __name__ == "__main__":
    run_to_exit(lambda: typer.run(main))
