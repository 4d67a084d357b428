"""Many concurrent streams through one gateway for a while: nothing lost, nothing left behind."""

import asyncio
import os
import time

import pytest

from harness import environment
from harness.environment import scaled
from harness.soak import BackendProcess, Plan, read_all

STREAMS = 1000
INTERVAL_SECONDS = 0.5
RESIDENT_KB_MAX = 100 * 1024


SECONDS = os.environ.get("OLLA_SOAK_SECONDS")


def duration() -> float:
    if SECONDS is not None:
        return float(SECONDS)
    return 5 if environment.sanitized() else 30


@pytest.mark.soak
@pytest.mark.timeout(scaled(120) + float(SECONDS or 30))
def test_a_thousand_streams_arrive_whole_and_leave_nothing_behind(world):
    plan = Plan(STREAMS, max(2, round(duration() / INTERVAL_SECONDS)), INTERVAL_SECONDS)
    backend = BackendProcess(plan)
    try:
        endpoint = {
            "url": f"http://127.0.0.1:{backend.port}",
            "name": "soak",
            "type": "vllm",
            "check_interval": "30s",
        }
        gateway = world.gateway(config={"endpoints": [endpoint]})
        client = world.connect(gateway)
        deadline = time.monotonic() + scaled(10)
        while client.request("GET", "/olla/vllm/v1/audio/ready").status != 200:
            assert time.monotonic() < deadline, "the gateway never saw the backend as healthy"
        client.close()
        files_at_start = steady_files(gateway)
        resident_kb = []

        faults = asyncio.run(
            read_all(gateway.port, plan, lambda: resident_kb.append(gateway.resident_kb()))
        )

        print(f"{STREAMS} streams of {plan.events} events: {max(resident_kb)} KB resident")
        assert not faults, f"{len(faults)} of {STREAMS} streams went wrong; first: {faults[0]}"
        if not environment.sanitized():
            assert max(resident_kb) < RESIDENT_KB_MAX, f"{max(resident_kb)} KB resident"
        assert steady_files(gateway, wanted=files_at_start) <= files_at_start
    finally:
        backend.close()


def steady_files(gateway, wanted: int | None = None) -> int:
    """The number of open files once it is `wanted` or less, or has not changed for a second.

    A backend closes its idle connections some seconds after their last use, so without success
    it takes twenty seconds to give up."""
    count, since, started = gateway.open_files(), time.monotonic(), time.monotonic()
    while wanted is None or (count > wanted and time.monotonic() - started < scaled(20)):
        time.sleep(0.05)
        now = gateway.open_files()
        if now != count:
            count, since = now, time.monotonic()
        elif wanted is None and time.monotonic() - since > 1:
            break
    return count
