"""Everything one test starts, and its orderly end."""

import copy
import time
from pathlib import Path

from .backend import READY_PATH, Backend, echo
from .client import Client
from .environment import scaled
from .fleet import Fleet
from .process import Gateway, Process, Sim, write_config


def merged(base: dict, over: dict) -> dict:
    """`base` with the values of `over` put in, nested dicts merged."""
    result = copy.deepcopy(base)
    for key, content in over.items():
        if isinstance(content, dict) and isinstance(result.get(key), dict):
            result[key] = merged(result[key], content)
        else:
            result[key] = content
    return result


DEFAULTS = {
    # A short shutdown: a test that leaves a stream open must not hold up the suite.
    "server": {"host": "127.0.0.1", "port": 0, "shutdown_timeout": "2s"},
    "logging": {"level": "info", "format": "json"},
}


def _lists_are_read(fleet: Fleet) -> bool:
    """Whether the gateway has each endpoint's list of models, or knows that it cannot have it. Of a
    list that is there the workers have to know, too."""
    told = {"models": set(), "cannot read the model list": set()}
    for record in fleet.gateway.records():
        if record.get("msg") in told:
            told[record["msg"]].add((record["endpoint"], record.get("count")))
    without = {name for name, _ in told["cannot read the model list"]}
    without |= {name for name, count in told["models"] if count == 0}
    return all(part["models"] or name in without for name, part in fleet.endpoints().items())


class World:
    """Starts backends, gateways, sims and clients; `close` ends them all and checks each."""

    def __init__(self, folder: Path):
        self._folder = folder
        self._clients: list[Client] = []
        self._backends: list[Backend] = []
        self._processes: list[Process] = []

    def backend(self, handler=echo, name: str | None = None) -> Backend:
        backend = Backend(handler, name or f"backend-{len(self._backends)}")
        self._backends.append(backend)
        return backend

    def gateway(
        self,
        *backends: Backend,
        endpoint: dict | None = None,
        config: dict | None = None,
        environment: dict | None = None,
        ready: list[Backend] | None = None,
        listening_on: int | None = None,
    ) -> Gateway:
        """A gateway before these backends, once it sends requests to each in `ready`
        (default: to each of them). `endpoint` is added to every endpoint's entry;
        `listening_on` is for a log that does not tell the port."""
        base = {
            **DEFAULTS,
            "endpoints": [backend.endpoint(**(endpoint or {})) for backend in backends],
        }
        gateway = self._serve(merged(base, config or {}), environment, listening_on)
        for backend in backends if ready is None else ready:
            self.wait_until_used(gateway, backend)
        return gateway

    def gateway_before(self, sim: Sim, config: dict | None = None) -> Gateway:
        """A gateway before all servers of a sim, once it answers."""
        endpoints = [sim.endpoint(index) for index in range(len(sim.ports))]
        base = {**DEFAULTS, "endpoints": endpoints}
        gateway = self._serve(merged(base, config or {}))
        deadline = time.monotonic() + scaled(10)
        client = self.connect(gateway)
        while not all(
            endpoint["models"]
            for endpoint in client.request("GET", "/olla/vllm/health").json()["endpoints"]
        ):
            assert time.monotonic() < deadline, "the gateway never saw the sim's models"
            time.sleep(0.01)
        return gateway

    def fleet(self, *endpoints: dict, config: dict | None = None, settled: bool = True) -> Fleet:
        """A gateway before these endpoints (entries of the config), once it knows each one's
        health, models and version; `settled=False`: as soon as it listens."""
        base = {**DEFAULTS, "endpoints": list(endpoints)}
        fleet = Fleet(self._serve(merged(base, config or {})))
        if settled:
            fleet.until(
                lambda: all(part["version"] for part in fleet.endpoints().values()),
                "every endpoint's version",
            )
            fleet.until(lambda: _lists_are_read(fleet), "every endpoint's models")
        return fleet

    def _serve(self, config: dict, environment=None, port=None) -> Gateway:
        gateway = Gateway(write_config(config, self._folder), environment, port)
        self._processes.append(gateway)
        return gateway

    def wait_until_used(self, gateway: Gateway, backend: Backend, timeout: float = 10) -> float:
        """Asks until a request reaches `backend`; the time at which it did."""
        seen = backend.ready_count
        deadline = time.monotonic() + scaled(timeout)
        while backend.ready_count == seen:
            assert time.monotonic() < deadline, f"{backend.name} is never used"
            client = Client(gateway.port)
            client.request("GET", "/olla/proxy" + READY_PATH, [("Connection", "close")])
            client.close()
            time.sleep(0.005)
        return time.monotonic()

    def sim(self, *arguments: str, **options) -> Sim:
        sim = Sim(*arguments, **options)
        self._processes.append(sim)
        return sim

    def process(self, process: Process) -> Process:
        """Takes over a process that the test started itself."""
        self._processes.append(process)
        return process

    def connect(self, to: Gateway | Sim, **options) -> Client:
        client = Client(to.port, **options)
        self._clients.append(client)
        return client

    def close(self) -> None:
        """Ends everything; raises the first failure, after all have ended."""
        failures = []
        for thing in [*self._clients, *self._backends]:
            thing.close()
        for process in reversed(self._processes):
            try:
                process.stop()
            except AssertionError as failure:
                failures.append(failure)
        for backend in self._backends:
            try:
                backend.check()
            except AssertionError as failure:
                failures.append(failure)
        if failures:
            raise failures[0]
