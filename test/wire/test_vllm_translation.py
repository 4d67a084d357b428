"""What an endpoint receives of a translated request: every byte of it."""

import pytest

from harness.fleet import CHAT, answered_by

JSON = [("Content-Type", "application/json")]
# White space, numbers, escapes and broken bytes that no parser would write again as they are.
BEFORE = (
    b'{ "temperature" : 1.50e-1,\t"seed": 12345678901234567890 ,\r\n'
    b'  "messages" : [ {"role":"user","content":"\\u00e9 \xc3\xa9 \\ud800 \xff \\/ guided_json"} ],'
)
AFTER = b',"x" : [1 ,2 , {"guided_json":{}}] , "model":"tiny" , "stop" : [ ] }\n'


def scripted(world, version, config=None, **backend_options):
    backend = world.backend(name="a")
    backend.version = version
    for key, value in backend_options.items():
        setattr(backend, key, value)
    return backend, world.fleet(backend.endpoint(), config=config)


def send(fleet, body, path=CHAT):
    return fleet.request("POST", path, JSON, body)


NEW, OLD, ANCIENT = "0.32.0", "0.11.0", "0.10.2"
TABLE = [
    (NEW, b'"guided_json" : {"a" :\t1}', b'"structured_outputs" : {"json":{"a" :\t1}}'),
    (NEW, b'"guided_json":"{\\"a\\":1}"', b'"structured_outputs":{"json":"{\\"a\\":1}"}'),
    (NEW, b'"guided_regex" :"\\\\d\\u002b"', b'"structured_outputs" :{"regex":"\\\\d\\u002b"}'),
    (NEW, b'"guided_choice":[ "a",\n"b"]', b'"structured_outputs":{"choice":[ "a",\n"b"]}'),
    (NEW, b'"guided_grammar":"root ::= x"', b'"structured_outputs":{"grammar":"root ::= x"}'),
    (NEW, b'"guid\\u0065d_regex":"a"', b'"structured_outputs":{"regex":"a"}'),
    (ANCIENT, b'"structured_outputs" : { "json" : {"a" :\t1} }', b'"guided_json" : {"a" :\t1}'),
    (ANCIENT, b'"structured_outputs":{"choice":[ "a"],"regex":null}', b'"guided_choice":[ "a"]'),
    (NEW, b'"logprobs" : 4', b'"logprobs" : true'),
    (OLD, b'"logprobs" : 4', b'"logprobs" : true'),
]


@pytest.mark.parametrize(("version", "written", "wanted"), TABLE)
def test_everything_else_stays_byte_for_byte(world, version, written, wanted):
    backend, fleet = scripted(world, version, models=["tiny"])
    response = send(fleet, BEFORE + written + AFTER)
    assert answered_by(response) == "a" and response.header("x-olla-translated")
    got = backend.requests[-1].body
    assert got.startswith(BEFORE + wanted)
    # What a translation adds stands behind everything else.
    rest = got.removeprefix(BEFORE + wanted)
    added = b',"top_logprobs":4' if b"logprobs" in written else b""
    assert rest.replace(added, b"").replace(b" ", b"") == AFTER.replace(b" ", b"")
    assert rest.count(added) >= 1
    assert int(backend.requests[-1].header("content-length")) == len(got)


@pytest.mark.parametrize("version", [NEW, OLD, ANCIENT])
@pytest.mark.parametrize(
    "written",
    [
        b'"n":1',
        b'"guided_json" : null',
        b'"guided_json_x":{}',
        b'"best_of":1',
        b'"early_stopping":true,"detokenize":false,"top_k":50,"min_p":0.1',
        b'"reasoning_content":"x","reasoning":"y"',
        b'"logprobs":true,"top_logprobs":2',
    ],
)
def test_a_request_that_needs_nothing_goes_as_it_came(world, version, written):
    backend, fleet = scripted(world, version)
    response = send(fleet, BEFORE + written + AFTER)
    assert answered_by(response) == "a" and response.header("x-olla-translated") is None
    assert backend.requests[-1].body == BEFORE + written + AFTER


WRITTEN = b'"guided_json":{},"guided_decoding_backend":"auto","best_of":3,"logprobs":2'


def test_nothing_is_translated_when_that_is_switched_off(world):
    config = {"vllm": {"translate_parameters": False}}
    backend, fleet = scripted(world, NEW, config, models=["TINY"])
    response = send(fleet, BEFORE + WRITTEN + AFTER)
    assert answered_by(response) == "a" and response.header("x-olla-translated") is None
    # The name of the model is no parameter.
    assert backend.requests[-1].body == BEFORE + WRITTEN + AFTER.replace(b"tiny", b"TINY")


def test_a_translation_and_the_model_in_one(world):
    backend, fleet = scripted(world, NEW, models=["Org/TINY-longer", "tinY"])
    assert answered_by(send(fleet, BEFORE + b'"guided_json":{}' + AFTER)) == "a"
    got = backend.requests[-1].body
    assert got == BEFORE + b'"structured_outputs":{"json":{}}' + AFTER.replace(b"tiny", b"tinY")


def test_servers_of_other_types_and_other_routes_get_it_as_it_is(world):
    body = BEFORE + WRITTEN + AFTER
    backend = world.backend()
    gateway = world.gateway(backend, endpoint={"type": "openai-compatible"})
    response = world.connect(gateway).request("POST", "/olla/openai" + CHAT, JSON, body)
    assert response.status == 200 and response.header("x-olla-translated") is None
    assert backend.requests[-1].body == body
    vllm, other = scripted(world, NEW)
    for path in ("/tokenize", "/v1/embeddings", "/v1/responses", "/v1/messages"):
        response = send(other, body, path)
        assert response.status == 200 and response.header("x-olla-translated") is None
        assert vllm.requests[-1].body == body


def test_each_endpoint_that_is_tried_gets_its_own_words(world):
    backends = [world.backend(name=name) for name in "ab"]
    for backend, version in zip(backends, (NEW, ANCIENT)):
        backend.version = version
    backends[0].handler = lambda exchange: exchange.reset()
    fleet = world.fleet(*(backend.endpoint() for backend in backends))
    body = BEFORE + b'"structured_outputs":{"json":{}}' + AFTER
    response = send(fleet, body)
    while not backends[0].requests:
        response = send(fleet, body)
    assert answered_by(response) == "b"
    assert response.header("x-olla-translated") == "structured_outputs.json->guided_json"
    assert backends[0].requests[-1].body == body
    assert backends[1].requests[-1].body == BEFORE + b'"guided_json":{}' + AFTER


def test_a_server_without_a_version_is_taken_for_the_newest(world):
    backend = world.backend(name="a")
    backend.documents["/version"] = b"what?"
    fleet = world.fleet(backend.endpoint(), settled=False)
    fleet.until_status("a", "healthy")
    assert fleet.endpoints()["a"]["version"] is None
    assert answered_by(send(fleet, BEFORE + b'"guided_json":{}' + AFTER)) == "a"
    assert b'"structured_outputs":{"json":{}}' in backend.requests[-1].body


def test_a_huge_body_is_translated_at_both_ends(world):
    backend, fleet = scripted(world, NEW)
    prompt = b'a \\u0041 \\" } ' * 500_000
    for body in (
        b'{"guided_regex":"a","prompt":"' + prompt + b'"}',
        b'{"prompt":"' + prompt + b'","guided_regex":"a"}',
    ):
        assert answered_by(send(fleet, body, "/v1/completions")) == "a"
        wanted = body.replace(b'"guided_regex":"a"', b'"structured_outputs":{"regex":"a"}')
        assert backend.requests[-1].body == wanted
