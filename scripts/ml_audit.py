"""Tell which tracks of which artists have been processed by machine learning: `vibe-search audit`.

Example:
    python scripts/ml_audit.py --verbose
"""

import sys
from pathlib import Path

# folders of these names in another project would be imported otherwise
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from app.cli.command import run_script
from app.cli.commands.backfill import audit as main

if __name__ == "__main__":
    run_script(main)
