"""The words of a catalogue."""

from typing import Any

import psycopg

from scripts.measure.costly_queries.queries import Words

Connection = psycopg.Connection[Any]


def read_words(connection: Connection) -> Words:
    """Common words, others and titles, as the cost of queries depends on them."""

    # in an order that neither popularity nor the alphabet decides
    def column(statement: bytes) -> list[str]:
        return [str(row[0]) for row in connection.execute(statement).fetchall()]

    return Words(
        common=column(b"select word from search.common_words order by documents desc, word limit 300"),
        others=column(b"select word from search.words order by md5(word) limit 3000"),
        titles=column(b"select normalized from search.documents where listed order by md5(key || field) limit 500"),
    )
