"""Embed the tracks that have no vector in a model: `vibe-search backfill embeddings`.

Example:
    python scripts/backfill_embeddings.py --dry-run
"""

import sys
from pathlib import Path

# folders of these names in another project would be imported otherwise
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.cli.command import run_script
from app.cli.commands.backfill import embeddings as main

if __name__ == "__main__":
    run_script(main)
