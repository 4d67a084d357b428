"""Three servers that are killed, frozen and cut off under two hundred clients."""

import asyncio
import os
import random
import time

import pytest

from harness import environment
from harness.chaos import Clients, Server, Tally, ask_poison, ask_slow
from harness.client import Client
from harness.environment import scaled
from harness.exposition import check_exposition, series
from test_internal import MISNAMED
from test_soak import steady_files

CLIENTS = 200
SECONDS = os.environ.get("OLLA_CHAOS_SECONDS")
SEED = int(os.environ.get("OLLA_CHAOS_SEED") or random.SystemRandom().randrange(1 << 32))


def duration() -> float:
    if SECONDS is not None:
        return float(SECONDS)
    return 10 if environment.sanitized() else 15


def endpoint(server: Server) -> dict:
    return {
        "url": f"http://127.0.0.1:{server.port}",
        "name": server.name,
        "type": "vllm",
        "check_interval": f"{scaled(1) * 500:.0f}ms",
        "check_timeout": f"{scaled(1) * 500:.0f}ms",
    }


def connections(client: Client) -> dict[str, int]:
    """Requests in flight by endpoint, as the gateway counts them."""
    status = client.request("GET", "/internal/status").json()
    client.close()
    return {part["name"]: part["connections"] for part in status["endpoints"]}


def figures(client: Client) -> dict:
    """What the gateway has counted."""
    page = client.request("GET", "/internal/metrics").body.decode()
    client.close()
    return check_exposition(page, MISNAMED)


def check_figures(found: dict, tally: Tally, poisons: int) -> None:
    """Every request is counted once and by how it ended, and nothing is left in flight."""

    def count(name: str) -> float:
        return found.get(series(name), 0)

    def by_endpoint(name: str) -> float:
        return sum(found.get(series(name, endpoint=endpoint), 0) for endpoint in "abc")

    failed = tally.cut + tally.killers + poisons
    asked = tally.whole + failed + tally.left
    assert count("olla_requests_total") == asked
    assert by_endpoint("olla_endpoint_requests_total") <= asked
    # One whose client left may have failed a moment before.
    assert failed <= count("olla_failures_total") <= failed + tally.left
    assert count("olla_client_disconnects_total") <= tally.left
    for name in ("olla_active_connections", "olla_queue_waiting"):
        assert count(name) == 0, name
    assert by_endpoint("olla_endpoint_connections") == 0


async def settled(port: int, count: int) -> None:
    """Waits until so many endpoints are healthy and have their models."""
    deadline = time.monotonic() + scaled(20)
    while True:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"GET /olla/vllm/health HTTP/1.1\r\nhost: gateway\r\nconnection: close\r\n\r\n"
        )
        document = await reader.read()
        writer.close()
        if document.count(b'"status":"healthy"') >= count and b'"models":[]' not in document:
            return
        assert time.monotonic() < deadline, document
        await asyncio.sleep(0.05)


async def disturb(servers: list[Server], pick: random.Random) -> str:
    """Two servers at most come to harm, and one of them is killed at most: a request under which
    two died would rightly be taken for one that kills. The third is always alive."""
    first, second, _ = pick.sample(servers, 3)
    pause = pick.uniform(0.2, scaled(2.5))
    what = pick.choice(["kill", "freeze", "cut", "kill+freeze", "freeze+freeze", "kill+cut"])
    kinds = dict(zip((first, second), what.split("+")))
    for server, kind in kinds.items():
        getattr(server, kind)()
    await asyncio.sleep(pause)
    for server, kind in kinds.items():
        if kind == "freeze":
            server.thaw()
        elif kind == "kill":
            await asyncio.get_running_loop().run_in_executor(None, server.start)
    return f"{what} for {pause:.1f} s"


async def poison(port: int, servers: list[Server]) -> str:
    assert await ask_poison(port) == "request_kills_endpoint"
    await asyncio.sleep(0.5)  # A process closes its sockets a little before it is gone.
    dead = [server for server in servers if not server.alive]
    assert len(dead) == 2, "exactly two servers die of a request that kills"
    for server in dead:
        await asyncio.get_running_loop().run_in_executor(None, server.start)
    return "poison"


async def run(port: int, servers: list[Server]) -> tuple[Tally, int]:
    """What the clients saw, and how many poison requests were among theirs."""
    pick = random.Random(SEED)
    clients = Clients(port, CLIENTS, SEED)
    poisons = 0
    running = asyncio.ensure_future(clients.run())
    end = time.monotonic() + duration()
    poisoned_before = 0
    try:
        while time.monotonic() < end:
            await settled(port, len(servers))
            await asyncio.sleep(1)
            killers = clients.tally.killers
            assert killers == poisoned_before, "nobody died twice under an innocent request"
            if pick.random() < 0.15:
                done = await poison(port, servers)
                poisons += 1
                await settled(port, len(servers))
                await asyncio.sleep(1)
                # Those that were on both servers with it cannot be told from it.
                poisoned_before = clients.tally.killers
            else:
                done = await disturb(servers, pick)
            print(f"{time.monotonic() - end + duration():5.1f} s: {done}")
            if clients.tally.faults:
                break
    finally:
        clients.stop()
        await asyncio.wait_for(running, scaled(30))
    return clients.tally, poisons


def test_the_loss_of_one_endpoint_of_three_is_absorbed_by_the_budget(world):
    servers = [Server(name) for name in "abc"]

    async def lose_one(port: int) -> list[bytes]:
        await settled(port, 3)
        asked = [asyncio.ensure_future(ask_slow(port, i, scaled(3))) for i in range(CLIENTS)]
        await asyncio.sleep(scaled(2))  # All of them wait for their answers.
        servers[0].kill()
        return await asyncio.gather(*asked)

    try:
        gateway = world.gateway(config={"endpoints": [endpoint(server) for server in servers]})
        statuses = asyncio.run(lose_one(gateway.port))
        assert {status.split(b" ")[1] for status in statuses} == {b"200"}
        moved = [line for line in gateway.access(count=CLIENTS, status=200) if "tries" in line]
        assert CLIENTS / 4 <= len(moved) <= CLIENTS / 2, "a third of them was lost with the server"
    finally:
        for server in servers:
            server.kill()


@pytest.mark.timeout(scaled(180) + float(SECONDS or 30))
def test_nobody_sees_a_failure_while_one_endpoint_lives(world):
    print(f"OLLA_CHAOS_SEED={SEED}")
    servers = [Server(name) for name in "abc"]
    try:
        config = {"endpoints": [endpoint(server) for server in servers]}
        gateway = world.gateway(config=config)
        asyncio.run(settled(gateway.port, 3))
        files_at_start = steady_files(gateway)
        tally, poisons = asyncio.run(run(gateway.port, servers))
        print(f"{tally.whole} whole, {tally.cut} streams cut, {tally.killers} beside a poison")
        assert not tally.faults, f"{len(tally.faults)} went wrong; first: {tally.faults[0]}"
        assert tally.whole > CLIENTS
        # An answer's last byte is with its client a moment before its place is free.
        deadline = time.monotonic() + scaled(2)
        while any(in_flight := connections(world.connect(gateway)).values()):
            assert time.monotonic() < deadline, f"places were not given back: {in_flight}"
            time.sleep(0.05)
        check_figures(figures(world.connect(gateway)), tally, poisons)
        for server in servers:
            server.kill()  # Their idle connections go with them.
        assert steady_files(gateway, wanted=files_at_start) <= files_at_start
    finally:
        for server in servers:
            server.kill()
