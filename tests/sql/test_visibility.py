"""Who may see a row."""

import psycopg
import pytest


@pytest.mark.parametrize(
    ("visibility", "to_strangers"),
    [("public", True), ("supporters", True), ("unlisted", True), ("private", False), ("of another kind", False)],
)
@pytest.mark.parametrize("viewer", [None, "did:plc:other", "did:plc:artist"])
def test_may_see(
    connection: psycopg.Connection[tuple[object, ...]], visibility: str, viewer: str | None, to_strangers: bool
) -> None:
    found = connection.execute("select search.may_see(%s, 'did:plc:artist', %s)", [visibility, viewer]).fetchone()
    assert found == (to_strangers or viewer == "did:plc:artist",)


def test_what_is_unknown_is_hidden(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    assert connection.execute("select search.may_see(null, null, null)").fetchone() == (False,)
