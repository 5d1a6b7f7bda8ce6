"""Which changes of functions keep processes of the version before from serving."""

import hashlib
import re

from app.database.dump import SCHEMA_FILE
from app.database.schema import SIGNATURES_DIGEST


def test_the_version_is_of_these_signatures() -> None:
    schema = SCHEMA_FILE.read_text(encoding="utf-8")
    signatures = sorted(re.findall(r"^CREATE FUNCTION (search\w*\..*)$", schema, flags=re.MULTILINE))
    assert len(signatures) > 150
    assert hashlib.sha256("\n".join(signatures).encode()).hexdigest() == SIGNATURES_DIGEST, (
        "functions have other signatures: write the new digest into app/database/schema.py, and raise "
        "SIGNATURES_VERSION if statements of the version before cannot call what is left"
    )
