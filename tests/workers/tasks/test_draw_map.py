"""The worker draws the map of the library."""

from tests.support.catalogue import Catalogue, direction
from tests.workers.conftest import Drain


def test_the_worker_knows_the_task(drain: Drain, catalogue: Catalogue) -> None:
    for number in range(20):
        catalogue.embed(catalogue.track(f"Track {number}"), direction(number))
    catalogue.connection.execute("delete from procrastinate_jobs")
    catalogue.connection.execute(
        "select search_internal.defer_job('upkeep', 'draw_map', jsonb_build_object('timestamp', 0))"
    )
    drain()
    assert catalogue.connection.execute("select count(*) from search.map_points").fetchone() == (20,)
