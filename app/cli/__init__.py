"""The vibe-search command. An installed one starts in vibe_search.py, which see."""


def main() -> None:
    """Run the command, and exit."""
    from app.cli.command import run

    run()
