"""A server after some hundred of all kinds of requests at once: nothing of them is left.

The ten thousand of `bench/soak.py` are the same requests.
"""

from __future__ import annotations

import asyncio
import importlib.util
from pathlib import Path

from serving import publish, serving

from kg.release import Home

BENCH = Path(__file__).parents[1] / "bench" / "soak.py"


def test_server_is_as_it_was_after_six_hundred_mixed_requests(tmp_path: Path) -> None:
    spec = importlib.util.spec_from_file_location("soak", BENCH)
    assert spec is not None
    assert spec.loader is not None
    soak = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(soak)
    home = Home(tmp_path)
    publish(home)
    many = {"queue": 1000, "queue_of_client": 1000, "query_memory": 128 * 1024**2}
    with serving(home, **many) as server:
        port = int(server.url.rpartition(":")[2])
        asyncio.run(soak.soak(port, 150))
        before = soak.at_rest(server.process.pid)
        found = asyncio.run(soak.soak(port, 600, seed=2))
        assert {"200", "400", "401", "404", "501", "503", "507", "left"} <= {*found}
        assert not {"500", "502", ""} & {*found}
        soak.expect(before, soak.at_rest(server.process.pid, before))
        assert server.stop() == 0
