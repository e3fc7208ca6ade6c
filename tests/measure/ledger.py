"""Ingest rows/s beside plain executemany of the same rows into the same tables."""

from collections.abc import Iterator

from host_tools.ledger.measure import ingest_benchmark
from tests.measure.figures import Figure, report

ROWS = 40_000


def measure() -> Iterator[Figure]:
    """One pair, in one run."""
    speed = ingest_benchmark(ROWS)
    yield report(
        "ingest_rows_per_s", round(speed.ours_rows_s), "records/s",
        "peer: plain executemany of the rows that ingesting made", round(speed.executemany_rows_s),
    )
    yield report(
        "ingest_of_executemany", round(speed.ours_rows_s / speed.executemany_rows_s, 3), "ratio"
    )
