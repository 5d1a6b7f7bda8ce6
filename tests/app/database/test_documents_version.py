"""Which changes make every database read its names again."""

from app.database.documents import DOCUMENTS_DIGEST, documents_digest


def test_the_version_is_of_these_statements() -> None:
    assert documents_digest() == DOCUMENTS_DIGEST, (
        "the statements that make documents have changed: write the new digest into app/database/documents.py, "
        "and raise DOCUMENTS_VERSION if any document comes out otherwise, so that databases make theirs anew"
    )
