"""Classify the tracks that have no genres: `vibe-search backfill genres`.

Example:
    python scripts/backfill_genres.py --dry-run
"""

import sys
from pathlib import Path

# folders of these names in another project would be imported otherwise
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.cli.command import run_script
from app.cli.commands.backfill import genres as main

if __name__ == "__main__":
    run_script(main)
