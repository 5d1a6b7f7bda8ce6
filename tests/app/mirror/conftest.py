"""A mirror whose first namespace is called tracks."""

from collections.abc import Iterator

import pytest

from tests.support.catalogue import Catalogue
from tests.support.mirrored import Mirrored, mirroring


@pytest.fixture
def mirrored(database: str, catalogue: Catalogue) -> Iterator[Mirrored]:
    with mirroring(database, catalogue, "tracks") as made:
        yield made
