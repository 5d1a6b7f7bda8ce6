"""Two small CLAP models of the same dimensions, installed; random weights that pass the check of models."""

from pathlib import Path

FIRST = "first-clap"
SECOND = "second-clap"
DIMENSIONS = 64
_SEEDS = {FIRST: 3, SECOND: 4}


def install_both(models_dir: Path) -> Path:
    """Make, export and install both.

    Args:
        models_dir: An existing folder, for MODELS_DIR.

    Returns:
        The same folder.
    """
    # torch takes seconds to import: only for the tests that need it
    from models.clap.export.random_checkpoint import save_checkpoint, tiny_config
    from tests.support.tiny_clap import install_clap

    for name, seed in _SEEDS.items():
        checkpoint = save_checkpoint(models_dir / f"{name}.checkpoint", tiny_config(), seed=seed, gain=1.0)
        install_clap(models_dir, checkpoint, name)
    return models_dir
