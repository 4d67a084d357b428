"""A check: something that the gateway promises, asked for and looked at."""

import dataclasses
import json
from typing import Callable

from harness.client import Client
from harness.message import Response

from compare import Result


class Unmet(Exception):
    """What a check saw instead of what it is there for."""


def expect(condition: object, seen: object) -> None:
    if not condition:
        raise Unmet(str(seen))


@dataclasses.dataclass(frozen=True)
class Way:
    """A way to the server: directly, or through the gateway."""

    port: int
    prefix: str
    vllm_port: int
    gateway: bool

    def ask(self, method: str, path: str, headers=(), body: bytes | None = None) -> Response:
        return self.ask_whole(method, self.prefix + path, headers, body)

    def ask_whole(self, method: str, target: str, headers=(), body=None) -> Response:
        """Without the prefix of this way."""
        client = Client(self.port, timeout=180)
        try:
            return client.request(method, target, headers, body)
        finally:
            client.close()

    def post(self, path: str, document: object, headers=()) -> Response:
        body = json.dumps(document).encode()
        return self.ask("POST", path, (("Content-Type", "application/json"), *headers), body)

    def server(self) -> "Way":
        """The direct way to the server behind this one."""
        return Way(self.vllm_port, "", self.vllm_port, False)


@dataclasses.dataclass(frozen=True)
class Check:
    """`see` asks one way and says in a few words what it saw; Unmet when that is not as it should
    be. `alone`: whether vLLM does it without a gateway. None: there is nothing to ask it for."""

    name: str
    see: Callable[[Way], str]
    alone: bool | None = True


def _outcome(check: Check, way: Way) -> tuple[bool, str]:
    try:
        return True, check.see(way)
    except Unmet as unmet:
        return False, f"no: {unmet}"
    except (OSError, AssertionError, KeyError, IndexError, TypeError, ValueError) as error:
        return False, f"no: {type(error).__name__}: {error}"


def run(check: Check, direct: Way, through: Way) -> Result:
    """The outcome of both ways. What vLLM does alone is a finding too: the documents tell it."""
    differences = []
    before = "-"
    if check.alone is not None:
        works, before = _outcome(check, direct)
        if works != check.alone:
            differences.append(f"vLLM itself: {before}")
    works, after = _outcome(check, through)
    if not works:
        differences.append(after)
    return Result(check.name, before, after, differences)


def error_of(response: Response) -> dict:
    """The error in an answer, in the shape of the OpenAI API."""
    document = json.loads(response.body)
    expect("error" in document, f"{response.status}, {document!r:.120}")
    error = document["error"]
    expect(set(error) >= {"message", "type", "param", "code"}, f"members {sorted(error)}")
    return error


def generate(way: Way, path: str, document: dict, note: str = "") -> dict:
    """The answer to a request for text. `note`: what the gateway must say that it translated."""
    response = way.post(path, document)
    if response.status != 200:
        raise Unmet(f"{response.status}, {error_of(response)['message']!r:.160}")
    if way.gateway:
        said = response.header("x-olla-translated") or ""
        expect(said == note, f"X-Olla-Translated: {said!r}, not {note!r}")
    return response.json()


def texts(answer: dict) -> list[str]:
    """The texts of the choices; vLLM writes null for an empty beam."""
    choices = answer["choices"]
    return [(c["message"]["content"] if "message" in c else c["text"]) or "" for c in choices]


def spent(answer: dict) -> int:
    return answer["usage"]["completion_tokens"]


def refusal(names: str, path: str, document: dict) -> Callable[[Way], str]:
    """Sees a 400 that names the parameter `names`."""

    def see(way: Way) -> str:
        response = way.post(path, document)
        expect(response.status == 400, f"{response.status}")
        error = error_of(response)
        named = names in error["message"] or names in (error["param"] or "")
        expect(named, f"400 that does not name {names}: {error['message']!r:.160}")
        expect(error["code"] == 400, f"code {error['code']!r}")
        return f"400, {' '.join(error['message'].split())[:90]}"

    return see
