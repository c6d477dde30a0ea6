"""Ctrl-C ends a query that would run for minutes."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.data.build import ONE_PERSON, write_parquet

LONG_QUERY = """
import sys
import equipoise as eq
from equipoise.data.verbs import count_by
with eq.connect(sys.argv[1]) as source:
    person = source.table("person")
    days = source.upload(__import__("pyarrow").table({"day": range(2_000_000)}))
    pairs = days.cross_join(days.view()).aggregate(n=lambda t: (t.day * t.day_right).sum().cast("float64"))
    print("started", flush=True)
    try:
        source.to_arrow(pairs)
    except KeyboardInterrupt:
        sys.exit(130)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT between processes")
def test_a_long_query_can_be_interrupted(tmp_path: Path) -> None:
    write_parquet(tmp_path, ONE_PERSON)
    with subprocess.Popen([sys.executable, "-c", LONG_QUERY, str(tmp_path)], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"started\n"
        time.sleep(1)
        process.send_signal(signal.SIGINT)
        asked = time.monotonic()
        assert process.wait(timeout=30) == 130
        assert time.monotonic() - asked < 10
