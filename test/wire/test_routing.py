"""Load balancing, routing strategies, aliases and sticky sessions, as clients see them."""

import json
import threading

import pytest

from harness.errors import assert_error
from harness.fleet import CHAT, FAST, answered_by
from harness.message import chunk

JSON = ("Content-Type", "application/json")
TRIPLE = ("x-olla-routing-strategy", "x-olla-routing-decision", "x-olla-routing-reason")


def routing_of(response) -> tuple:
    return tuple(response.header(name) for name in TRIPLE)


def sticky_of(response) -> tuple:
    names = ("x-olla-sticky-session", "x-olla-sticky-key-source", "x-olla-session-id")
    return tuple(response.header(name) for name in names)


def strategy(kind: str, **options) -> dict:
    return {"model_registry": {"routing_strategy": {"type": kind, "options": options}}}


def make_fleet(world, models: list[list[str]], config: dict | None = None, **endpoint):
    """A fleet of backends "a", "b", ... with these models."""
    backends = [world.backend(name=name) for name, _ in zip("abcdef", models)]
    for backend, names in zip(backends, models):
        backend.models = names
    entries = [backend.endpoint(**endpoint) for backend in backends]
    return world.fleet(*entries, config={"server": {"threads": 1}, **(config or {})}), backends


def order(fleet, count: int, model: str = "m") -> str:
    return "".join(answered_by(fleet.chat(model)) for _ in range(count))


# Load balancing


def test_olla_w08_round_robin_goes_in_turn(world):
    fleet, _ = make_fleet(world, [["m"]] * 3, {"proxy": {"load_balancer": "round-robin"}})
    served = order(fleet, 12)
    assert served in ("abc" * 5, "bca" * 5, "cab" * 5) or served in {
        ("abc" * 5)[start : start + 12] for start in range(3)
    }


def test_olla_w08_round_robin_gives_each_its_weight(world):
    backends = [world.backend(name=name) for name in "ab"]
    entries = [backend.endpoint(weight=weight) for backend, weight in zip(backends, (3, 1))]
    config = {"server": {"threads": 1}, "proxy": {"load_balancer": "round-robin"}}
    fleet = world.fleet(*entries, config=config)
    served = order(fleet, 16)
    assert served.count("a") == 12 and "bb" not in served


def test_priority_goes_to_the_highest_tier_that_is_up(world):
    backends = [world.backend(name=name) for name in "abc"]
    entries = [
        backend.endpoint(priority=priority, **FAST)
        for backend, priority in zip(backends, (10, 90, 90))
    ]
    fleet = world.fleet(*entries, config={"proxy": {"load_balancer": "priority"}})
    assert set(order(fleet, 8)) == {"b", "c"}
    for backend in backends[1:]:
        backend.health = 500
    fleet.until_status("b", "unhealthy")
    fleet.until_status("c", "unhealthy")
    assert order(fleet, 3) == "aaa"


# Routing strategies


def test_a_model_that_is_known_elsewhere_only_is_unavailable(world):
    here, there = world.backend(name="a"), world.backend(name="b")
    here.models, there.models = ["m"], ["theirs"]
    fleet = world.fleet(here.endpoint(), there.endpoint(type="openai-compatible"), settled=False)
    fleet.until(lambda: fleet.chat("m").status == 200, "the model of the one")
    fleet.until(lambda: fleet.chat("theirs").status == 503, "the model of the other")
    response = fleet.chat("theirs")
    assert assert_error(response, 503)["code"] == "model_unavailable"
    assert routing_of(response) == ("strict", "rejected", "model_unavailable")
    assert int(response.header("retry-after")) >= 1


@pytest.mark.parametrize(
    "config, known, out, unknown",
    [
        (
            {},
            ("strict", "routed", "model_found"),
            (503, "strict", "rejected", "model_unavailable"),
            (404, "strict", "rejected", "model_not_found"),
        ),
        (
            strategy("optimistic", fallback_behavior="none"),
            ("optimistic", "routed", "model_found"),
            (503, "optimistic", "rejected", "model_unavailable_no_fallback"),
            (404, "optimistic", "rejected", "model_not_found"),
        ),
        (
            strategy("optimistic"),
            ("optimistic", "routed", "model_found"),
            (503, "optimistic", "rejected", "model_unavailable_compatible_only"),
            (404, "optimistic", "rejected", "model_not_found"),
        ),
        (
            strategy("optimistic", fallback_behavior="all"),
            ("optimistic", "routed", "model_found"),
            (200, "optimistic", "fallback", "all_healthy_fallback"),
            (200, "optimistic", "fallback", "model_not_found_fallback"),
        ),
        (
            strategy("discovery"),
            ("discovery", "routed", "model_found_no_refresh"),
            (503, "discovery", "rejected", "model_unavailable_no_refresh"),
            (503, "discovery", "rejected", "model_unavailable_no_refresh"),
        ),
    ],
    ids=["strict", "none", "compatible_only", "all", "discovery"],
)
def test_each_strategy_decides_and_says_so(world, config, known, out, unknown):
    fleet, backends = make_fleet(world, [["m"], ["gone"]], config, **FAST)
    backends[1].health = 500
    fleet.until_status("b", "unhealthy")
    response = fleet.chat("m")
    assert answered_by(response) == "a" and routing_of(response) == known
    for model, (status, *words) in (("gone", out), ("nobody's", unknown)):
        response = fleet.chat(model)
        assert response.status == status, response.body
        assert routing_of(response) == tuple(words)
        if status == 200:
            assert answered_by(response) == "a"
        else:
            assert assert_error(response, status)["code"] == words[-1]
    assert routing_of(fleet.chat(None)) == (None, None, None)


def test_olla_w10_a_miss_has_the_lists_read_anew(world):
    config = strategy("discovery", discovery_refresh_on_miss=True, discovery_timeout="20s")
    fleet, backends = make_fleet(world, [["m"], ["other"]], config)
    backends[1].models = ["other", "new"]
    response = fleet.chat("new")
    assert answered_by(response) == "b"
    assert routing_of(response) == ("discovery", "routed", "model_found")
    response = fleet.chat("nobody's")
    assert assert_error(response, 404)["code"] == "model_not_found"
    assert routing_of(response) == ("discovery", "rejected", "model_not_found")
    assert routing_of(fleet.chat("m")) == ("discovery", "routed", "model_found_no_refresh")


@pytest.mark.parametrize(
    "content_type", [None, "text/plain", "application/x-www-form-urlencoded", "application/json"]
)
def test_olla_w32_the_model_counts_whatever_the_content_type(world, content_type):
    fleet, _ = make_fleet(world, [["one"], ["two"]])
    fields = [] if content_type is None else [("Content-Type", content_type)]
    for _ in range(2):
        for model, name in (("one", "a"), ("two", "b")):
            body = json.dumps({"model": model}).encode()
            response = fleet.request("POST", CHAT, fields, body)
            assert answered_by(response) == name
            assert routing_of(response) == ("strict", "routed", "model_found")


def test_olla_w32_the_model_counts_behind_a_megabyte_and_in_chunks(world):
    fleet, _ = make_fleet(world, [["one"], ["two"]])
    body = b'{"prompt":"' + b"x" * (9 << 20) + b'","model":"two"}'
    assert answered_by(fleet.request("POST", CHAT, [JSON], body)) == "b"
    head = f"POST /olla/vllm{CHAT} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
    wire = head.encode() + chunk(body[:100]) + chunk(body[100:]) + b"0\r\n\r\n"
    assert answered_by(fleet.raw(wire)) == "b"


# Aliases


ALIASES = {"model_aliases": {"My-Alias": ["big:7b", "org/Big-7B"]}}


def test_olla_w22_an_alias_in_any_case_goes_to_those_that_have_one_of_its_models(world):
    fleet, backends = make_fleet(world, [["org/Big-7B"], ["other"], ["big:7b", "x"]], ALIASES)
    seen = set()
    for name in ("My-Alias", "my-alias", "MY-ALIAS", "my-alias"):
        body = b'{ "a":1.50, "model" : "%s","b":"my-alias"}' % name.encode()
        response = fleet.request("POST", CHAT, [JSON], body)
        served = answered_by(response)
        seen.add(served)
        spelt = {"a": b"org/Big-7B", "c": b"big:7b"}[served]
        sent = backends["abc".index(served)].requests[-1].body
        assert sent == body.replace(b'"%s",' % name.encode(), b'"%s",' % spelt)
        assert routing_of(response) == (
            "alias",
            "routed",
            f'alias "{name}" resolved to 2 endpoint(s)',
        )
        assert response.header("x-olla-model") == name
    assert seen == {"a", "c"}


def test_olla_w21_the_name_is_told_as_the_client_wrote_it_and_sent_as_the_endpoint_does(world):
    fleet, backends = make_fleet(world, [["Org/Model-A"]])
    response = fleet.chat("org/MODEL-a")
    assert response.header("x-olla-model") == "org/MODEL-a"
    assert json.loads(backends[0].requests[-1].body)["model"] == "Org/Model-A"


def test_an_alias_of_nothing_is_a_name_like_others(world):
    config = {"model_aliases": {"real": ["nobody's"], "ghost": ["nobody's"]}}
    fleet, _ = make_fleet(world, [["real"]], config)
    assert routing_of(fleet.chat("real")) == ("strict", "routed", "model_found")
    assert assert_error(fleet.chat("ghost"), 404)["code"] == "model_not_found"


def answer_with_model(exchange) -> None:
    """Tells the model that it was asked for, as the routes do."""
    request = json.loads(exchange.request.body)
    document = {"model": request["model"], "text": '"model":"x"', "inner": {"model": "y"}}
    if not request.get("stream"):
        return exchange.json(json.dumps(document).encode())
    exchange.begin_stream()
    for event in (document, {"type": "message_start", "message": document}):
        text = f"data: {json.dumps(event)}\n\n".encode()
        exchange.send(chunk(text[:13]) + chunk(text[13:]))
    exchange.event("[DONE]")
    return exchange.end_stream()


def test_olla_w22_the_model_of_an_answer_is_the_alias_when_that_is_asked_for(world):
    config = {**ALIASES, "model_aliases_rewrite_response": True}
    fleet, backends = make_fleet(world, [["org/Big-7B"]], config)
    backends[0].handler = answer_with_model
    wanted = {"model": "my-alias", "text": '"model":"x"', "inner": {"model": "y"}}
    assert fleet.chat("my-alias").json() == wanted
    response = fleet.chat("my-alias", stream=True)
    events = response.body.decode().split("\n\n")
    assert json.loads(events[0].removeprefix("data: ")) == wanted
    start = {"type": "message_start", "message": wanted}
    assert json.loads(events[1].removeprefix("data: ")) == start
    assert events[2:] == ["data: [DONE]", ""]
    # Without an alias the bytes pass as they are.
    assert fleet.chat("org/big-7b").json() == {**wanted, "model": "org/Big-7B"}
    assert fleet.chat("org/big-7b").header("content-length")


def test_olla_w22_an_answer_that_is_renamed_must_not_come_compressed(world):
    config = {**ALIASES, "model_aliases_rewrite_response": True}
    fleet, backends = make_fleet(world, [["org/Big-7B"]], config)
    for model, taken in (("my-alias", "identity"), ("org/Big-7B", "gzip, br")):
        fleet.chat(model, headers=[("Accept-Encoding", "gzip, br")])
        assert backends[0].requests[-1].header("accept-encoding") == taken


def test_the_model_of_an_answer_stays_unless_it_is_asked_for(world):
    fleet, backends = make_fleet(world, [["org/Big-7B"]], ALIASES)
    backends[0].handler = answer_with_model
    assert fleet.chat("my-alias").json()["model"] == "org/Big-7B"


# Sticky sessions


STICKY = {"proxy": {"sticky_sessions": {"enabled": True}}}


def test_a_session_stays_on_its_endpoint_and_moves_when_that_is_out(world):
    fleet, backends = make_fleet(world, [["m"]] * 3, STICKY, **FAST)
    session = [("X-Olla-Session-ID", "zz")]
    first = fleet.chat("m", session)
    assert sticky_of(first) == ("miss", "session_header", "zz")
    served = answered_by(first)
    for _ in range(5):
        response = fleet.chat("m", session)
        assert answered_by(response) == served
        assert sticky_of(response) == ("hit", "session_header", "zz")
    backends["abc".index(served)].health = 500
    fleet.until_status(served, "unhealthy")
    moved = fleet.chat("m", session)
    assert sticky_of(moved) == ("repin", "session_header", "zz")
    assert answered_by(fleet.chat("m", session)) == answered_by(moved) != served


def test_the_document_of_sessions_counts_them(world):
    def sessions(fleet) -> dict:
        client = world.connect(fleet.gateway)
        return client.request("GET", "/internal/stats/sticky").json()

    sticky = {"enabled": True, "max_sessions": 3, "idle_ttl_seconds": 60}
    fleet, _ = make_fleet(world, [["m"]] * 2, {"proxy": {"sticky_sessions": sticky}})
    for name in ("a", "b", "a", "c", "d"):
        fleet.chat("m", [("X-Olla-Session-ID", name)])
    assert sessions(fleet) == {
        "enabled": True,
        "active_sessions": 3,
        "insertions": 4,
        "hits": 1,
        "misses": 4,
        "evictions": 1,
        "repins": 0,
        "max_sessions": 3,
        "idle_ttl_seconds": 60,
    }
    assert sessions(make_fleet(world, [["m"]])[0]) == {"enabled": False}


def test_what_a_request_has_tells_its_session(world):
    sources = ["session_header", "prefix_hash", "auth_header"]
    config = {"proxy": {"sticky_sessions": {"enabled": True, "key_sources": sources}}}
    fleet, _ = make_fleet(world, [["m"]] * 2, config)
    assert sticky_of(fleet.chat("m")) == ("miss", "prefix_hash", None)
    auth = [("Authorization", "Bearer x")]
    assert sticky_of(fleet.get("/version", auth)) == ("miss", "auth_header", None)
    assert sticky_of(fleet.get("/version")) == ("disabled", None, None)
    too_long = [("X-Olla-Session-ID", "x" * 300)]
    assert sticky_of(fleet.chat("m", too_long)) == ("hit", "prefix_hash", None)


def ask(fleet, messages: list, more: str = "") -> object:
    body = '{%s "messages" : %s , "model":"m"}' % (more, json.dumps(messages, indent=2))
    return fleet.request("POST", CHAT, [JSON], body.encode())


def test_olla_w43_the_conversation_counts_and_not_how_it_is_written(world):
    fleet, _ = make_fleet(world, [["m"]] * 2, STICKY)
    system = {"role": "system", "content": "You are helpful. " * 100}
    users = [{"role": "user", "content": f"I am {name}."} for name in ("Ann", "Bob")]
    for user in users:
        assert sticky_of(ask(fleet, [system, user]))[0] == "miss"
    answer = {"role": "assistant", "content": "Hello!"}
    turned = dict(reversed(users[0].items()))
    for messages, more in (
        ([system, users[0]], '"temperature": 0.5,'),
        ([system, turned, answer, users[1]], '"stream":false, "user" : "x",'),
    ):
        assert sticky_of(ask(fleet, messages, more)) == ("hit", "prefix_hash", None)


def test_olla_w43_a_session_leaves_an_endpoint_that_is_far_busier_than_the_others(world):
    sticky = {"enabled": True, "max_imbalance": 2}
    fleet, backends = make_fleet(world, [["m"]] * 2, {"proxy": {"sticky_sessions": sticky}})
    release = threading.Event()

    def hang(exchange) -> None:
        release.wait(30)
        exchange.reply()

    session = [("X-Olla-Session-ID", "zz")]
    served = answered_by(fleet.chat("m", session))
    busy = backends["ab".index(served)]
    busy.handler = hang
    before = len(busy.requests)
    threads = [threading.Thread(target=fleet.chat, args=("m", session)) for _ in range(3)]
    for thread in threads:
        thread.start()
    busy.wait_for_requests(before + 3)
    try:
        assert sticky_of(fleet.chat("m", session))[0] == "repin"
    finally:
        release.set()
        for thread in threads:
            thread.join()


def test_without_sticky_sessions_nothing_is_said_of_them(world):
    fleet, _ = make_fleet(world, [["m"]])
    response = fleet.chat("m", [("X-Olla-Session-ID", "zz")])
    assert sticky_of(response) == (None, None, None)
