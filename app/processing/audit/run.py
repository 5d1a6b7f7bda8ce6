"""Running an audit as a command does: look, and print what was found."""

import json

from app.database import Database, run_with_database
from app.processing.audit.check import AuditFinding, check_embeddings
from app.processing.audit.processing import ArtistAudit, audit_artists
from app.processing.audit.report import audit_for_machines, print_audit
from app.providers import build_providers
from app.settings import Settings
from app.terminal import make_console, print_line


def run_audit(settings: Settings, *, check: bool, verbose: bool, as_json: bool) -> int:
    """Run one.

    Args:
        settings: Which database, and which services.
        check: Whether to compare the vectors with the tracks, the tracks with the audio, the mirror with both.
        verbose: List each track, too, and every difference.
        as_json: Print JSON.

    Returns:
        Exit status: 1 when a comparison finds something wrong.

    Raises:
        UserError: A setting is wrong, or the database's schema is of another version.
        MirrorError: The mirror does not answer.
        DatabaseUnavailableError: Postgres cannot be reached.
    """
    providers = build_providers(settings)

    async def steps(_url: str, database: Database) -> tuple[list[ArtistAudit], list[AuditFinding] | None]:
        artists = [artist async for artist in audit_artists(database, listed=verbose)]
        if not check:
            return artists, None
        try:
            return artists, await check_embeddings(database, providers.audio_store, providers.mirror)
        finally:
            await providers.mirror.close()

    artists, differences = run_with_database(settings, steps)
    if as_json:
        print_line(json.dumps(audit_for_machines(artists, differences), default=str, ensure_ascii=False, indent=2))
    else:
        print_audit(make_console(), artists, differences, verbose=verbose)
    return int(any(not difference.expected for difference in differences or []))
