"""What the gateway answers itself, in the place of the servers."""

import gzip
import json
import urllib.parse
from typing import Callable

import exposition
import page
from cases import CHAT, PAGE_CHAT_MODEL, fixed
from check import Check, Way, error_of, expect, generate
from harness.message import Response

NAME = "vllm-server"
GUARDED = [
    ("GET", "/v1/nothing"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("POST", "/sleep"),
    ("POST", "/wake_up"),
    ("POST", "/pause"),
    ("POST", "/resume"),
    ("POST", "/abort_requests"),
    ("POST", "/reset_prefix_cache"),
    ("POST", "/reset_mm_cache"),
    ("GET", "/server_info"),
    ("POST", "/collective_rpc"),
    ("POST", "/v1/load_lora_adapter"),
    ("POST", "/v1/unload_lora_adapter"),
    ("GET", "/v1/../docs"),
    ("GET", "/v1/%2e%2e/docs"),
    ("GET", "//docs"),
]


def _get(way: Way, path: str, status: int = 200, method: str = "GET", headers=()) -> Response:
    response = way.ask(method, path, headers)
    expect(response.status == status, f"{response.status}, {response.body!r:.120}")
    if way.gateway:
        expect(response.header("x-olla-request-id"), "no X-Olla-Request-ID")
        expect(response.header("via") is None, "an endpoint answered")
    return response


def _health_endpoints(way: Way) -> str:
    (endpoint,) = _get(way, "/health").json()["endpoints"]
    page.typed(endpoint, {**page.HEALTH_KEYS, "name": str, "models": list, "version": str})
    expect((endpoint["name"], endpoint["status"]) == (NAME, "healthy"), endpoint)
    served = [model["id"] for model in way.server().ask("GET", "/v1/models").json()["data"]]
    expect(endpoint["models"] == served, endpoint["models"])
    version = way.server().ask("GET", "/version").json()["version"]
    expect(endpoint["version"] == version, f"version {endpoint['version']}, not {version}")
    age = endpoint["age_seconds"]
    expect(0 <= age < 10, f"age {age}")
    return f"{NAME}: {len(served)} models, version {version}"


def _health_of_one(way: Way) -> str:
    document = _get(way, f"/health?endpoint={NAME}").json()
    names = [endpoint["name"] for endpoint in document["endpoints"]]
    expect(names == [NAME] and document["status"] == "healthy", document)
    return "healthy"


def _unknown_endpoint(path: str) -> Callable[[Way], str]:
    def see(way: Way) -> str:
        error = error_of(_get(way, f"{path}?endpoint=nobody", status=404))
        expect("nobody" in error["message"], error)
        return f"404, {error['message']:.90}"

    return see


def _empty(method: str, path: str) -> Callable[[Way], str]:
    def see(way: Way) -> str:
        response = _get(way, path, method=method)
        expect(response.body == b"", f"{len(response.body)} bytes")
        return "200 without a body"

    return see


def _told(entries: list[dict]) -> list[dict]:
    """Without the permissions: a vLLM gives them other ids whenever it is asked."""
    return [{k: content for k, content in e.items() if k != "permission"} for e in entries]


def _models(target: str) -> Callable[[Way], str]:
    """`target` is a path with the gateway's prefix."""

    def see(way: Way) -> str:
        response = way.ask_whole("GET", target)
        expect(response.status == 200, f"{response.status}, {response.body!r:.120}")
        entries = response.json()["data"]
        kept = ("id", "object", "owned_by", "root", "parent", "max_model_len")
        server = way.server().ask("GET", "/v1/models").json()["data"]
        seen, own = ({e["id"]: [e[key] for key in kept] for e in es} for es in (entries, server))
        expect(seen == own, f"{seen}, not {own}")
        again = way.ask_whole("GET", target).json()["data"]
        expect(_told(entries) == _told(again), "another answer the second time")
        return f"{len(entries)} models with vLLM's fields, the same again"

    return see


def _one_model(segment: str) -> Callable[[Way], str]:
    def see(way: Way) -> str:
        entry = _get(way, f"/v1/models/{segment}").json()
        page.typed(entry, page.MODEL_KEYS)
        expect(entry["id"] == PAGE_CHAT_MODEL, entry["id"])
        listed = _get(way, "/v1/models").json()["data"]
        expect(_told([entry])[0] in _told(listed), "not as in the list")
        return entry["id"]

    return see


def _no_such_model(way: Way) -> str:
    error = error_of(_get(way, "/v1/models/no/such", status=404))
    expect("no/such" in error["message"], error)
    return f"404, {error['message']:.90}"


def _unknown_model(way: Way) -> str:
    response = way.post(CHAT, fixed(model="no-such-model"))
    expect(response.status == 404, f"{response.status}")
    error = error_of(response)
    expect(error["type"] == "NotFoundError", error["type"])
    names = [model["id"] for model in way.server().ask("GET", "/v1/models").json()["data"]]
    expect(all(name in error["message"] for name in names), error["message"])
    return f"404, {error['message']:.120}"


def _other_case(way: Way) -> str:
    answer = generate(way, CHAT, fixed(model=PAGE_CHAT_MODEL.upper(), max_tokens=2))
    expect(answer["model"] == PAGE_CHAT_MODEL, answer["model"])
    return f"answered by {answer['model']}"


def _request_id(way: Way) -> str:
    """vLLM makes the id of its answer from X-Request-Id."""
    response = way.post(CHAT, fixed(max_tokens=2))
    asked = response.header("x-olla-request-id")
    expect(asked and response.json()["id"] == f"chatcmpl-{asked}", response.json()["id"])
    return "the answer's id is chatcmpl- and the request's"


def _metrics(way: Way) -> str:
    response = _get(way, "/metrics")
    kind = response.header("content-type") or ""
    expect(kind.startswith("text/plain; version="), f"content-type {kind!r}")
    found = exposition.families(response.body.decode())
    own = exposition.families(way.server().ask("GET", "/metrics").body.decode())
    lost = [name for name in own if name not in found]
    expect(not lost, f"not passed on: {lost}")
    for name in own:
        bare = [s for s in found[name].samples if s.labels.get("endpoint") != NAME]
        expect(not bare, f"without its endpoint: {bare[:1]}")
    return f"all {len(own)} families of the server, each series with its endpoint, none twice"


def _scrape_age(way: Way) -> str:
    found = exposition.families(_get(way, "/metrics").body.decode())
    age = exposition.total(found, "olla_endpoint_scrape_age_seconds", endpoint=NAME)
    expect(0 <= age < 10, f"age {age}")
    return "under 10 s"


def _metrics_of_one(way: Way) -> str:
    found = exposition.families(_get(way, f"/metrics?endpoint={NAME}").body.decode())
    whole = exposition.families(_get(way, "/metrics").body.decode())
    expect(set(found) == set(whole), set(found) ^ set(whole))
    return f"{len(found)} families"


def _metrics_gzip(way: Way) -> str:
    response = _get(way, "/metrics", headers=(("Accept-Encoding", "gzip"),))
    expect(response.header("content-encoding") == "gzip", response.header("content-encoding"))
    found = exposition.families(gzip.decompress(response.body).decode())
    return f"{len(found)} families in a gzip body"


def _guarded(method: str, path: str) -> Callable[[Way], str]:
    def see(way: Way) -> str:
        response = way.ask(method, path, (), b"" if method == "POST" else None)
        # A path that leaves its folder may also be refused as such.
        allowed = (403,) if ".." not in path and "%2e" not in path else (400, 403, 404)
        expect(response.status in allowed, f"{response.status}, {response.body!r:.120}")
        expect(response.header("via") is None, "an endpoint answered")
        message = error_of(response)["message"]
        if response.status == 403:
            expect("vllm.admin_routes" in message, message)
        return f"{response.status}, {message:.100}"

    return see


def _admitted(way: Way) -> str:
    """A guarded route that the config lists."""
    response = way.ask("GET", f"/openapi.json?endpoint={NAME}")
    expect(response.status == 200, f"{response.status}, {response.body!r:.120}")
    own = way.server().ask("GET", "/openapi.json").json()
    expect(response.json() == own, "not the server's document")
    return f"the server's document, {len(own['paths'])} paths"


def _wrong_method(way: Way) -> str:
    response = way.ask("GET", CHAT)
    allowed = response.header("allow")
    expect((response.status, allowed) == (405, "POST"), f"{response.status}, Allow: {allowed}")
    return f"405, Allow: {allowed}"


def _passes(path: str) -> Callable[[Way], str]:
    def see(way: Way) -> str:
        response = way.ask("GET", path)
        expect(response.status == 200, f"{response.status}, {response.body!r:.120}")
        return json.dumps(response.json())[:80]

    return see


_ESCAPED = urllib.parse.quote(PAGE_CHAT_MODEL, safe="")

CHECKS = [
    Check("GET /health: `endpoints`", _health_endpoints, alone=None),
    Check("GET /health?endpoint=" + NAME, _health_of_one, alone=False),
    Check("GET /health?endpoint=nobody", _unknown_endpoint("/health"), alone=False),
    Check("HEAD /health", _empty("HEAD", "/health"), alone=False),
    Check("GET /ping", _empty("GET", "/ping")),
    Check("HEAD /ping", _empty("HEAD", "/ping"), alone=False),
    *(
        Check(f"GET {target}", _models(target), alone=None)
        for target in (
            "/olla/vllm/v1/models",
            "/olla/vllm/v1/models?a=%2Fb&c",
            "/olla/openai/v1/models",
            "/olla/proxy/v1/models",
        )
    ),
    Check("GET /v1/models/" + PAGE_CHAT_MODEL, _one_model(PAGE_CHAT_MODEL), alone=False),
    Check("GET /v1/models/" + _ESCAPED, _one_model(_ESCAPED), alone=False),
    Check("GET /v1/models/no/such", _no_such_model, alone=False),
    Check("HEAD /v1/models", _empty("HEAD", "/v1/models"), alone=False),
    Check("chat, unknown model", _unknown_model),
    Check("chat, model in other letters", _other_case, alone=False),
    Check("chat, id of the request", _request_id, alone=False),
    Check("GET /metrics", _metrics, alone=None),
    Check("GET /metrics: `olla_endpoint_scrape_age_seconds`", _scrape_age, alone=None),
    Check("GET /metrics?endpoint=" + NAME, _metrics_of_one, alone=None),
    Check("GET /metrics?endpoint=nobody", _unknown_endpoint("/metrics"), alone=None),
    Check("GET /metrics, Accept-Encoding: gzip", _metrics_gzip, alone=None),
    Check(f"GET {CHAT}", _wrong_method),
    Check("GET /version", _passes("/version")),
    Check("GET /load", _passes("/load")),
    Check("GET /openapi.json, listed in vllm.admin_routes", _admitted),
    *(Check(f"{method} {path}", _guarded(method, path), alone=None) for method, path in GUARDED),
]
