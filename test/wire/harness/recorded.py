"""Exchanges with real vLLM servers, and how an answer differs from a recorded one."""

import dataclasses
import json
import re

from .environment import REPOSITORY
from .message import Response

FOLDER = REPOSITORY / "test/wire/recorded"

# What is another one in every answer, or follows from the model's text and its tokens.
_FREE = frozenset(
    "arguments bytes completed_at content created created_at data decoded_token delta embedding"
    " input_tokens label logprob output_tokens probs prompt prompt_tokens rank"
    " relevance_score root score signature text text_offset token token_ids token_logprobs"
    " token_strs tokens total_tokens cached_tokens created_cache_tokens"
    " cache_read_input_tokens count thinking reasoning reasoning_content reasoning_tokens"
    " prompt_token_ids completion_tokens input original_input_tokens *".split()
)
# Ranks follow from what the model thinks of a text.
_FREE_PATHS = frozenset(("body.results[].index",))
# How an answer ends, of which only scripted ones are alike.
_ENDS = ({"stop", "length"}, {"end_turn", "max_tokens"}, {"completed", "incomplete"})
# Lists of which each item counts; of the others only what kinds of items they have.
_COUNTED = frozenset("choices data results output content tool_calls permission".split())
# Objects whose names are tokens of the model.
_MAPS = frozenset(("top_logprobs", "prompt_logprobs"))
# Header fields that are another one in every answer. Lengths follow from the text.
_FREE_FIELDS = frozenset(("date", "content-length", "x-request-id", "metadata"))


@dataclasses.dataclass
class Exchange:
    """One recorded request and its answers: interim ones, and those of pipelined requests, too."""

    version: str
    folder: str
    name: str
    about: str
    request: bytes
    answers: list[dict]
    after: bool  # what an earlier request got in the end, which was still under way

    @property
    def id(self) -> str:
        return f"{self.version}/{self.folder}/{self.name}"

    @property
    def is_scripted(self) -> bool:
        """Whether the message asks for a text that every simulated and recorded model knows."""
        return b"[[" in self.request

    @property
    def is_head(self) -> bool:
        return self.request.startswith(b"HEAD ")


def _request(parts: str | list) -> bytes:
    """A text, or parts of one, of which `[text, n]` stands for n times the text."""
    if isinstance(parts, list):
        parts = "".join(p if isinstance(p, str) else p[0] * p[1] for p in parts)
    return parts.encode("latin-1")


def load(version: str, folder: str) -> list[Exchange]:
    """The exchanges of one folder, in the order in which they have to be repeated."""
    lines = (FOLDER / version / f"{folder}.jsonl").read_text().splitlines()
    exchanges = []
    for line in lines:
        raw = json.loads(line)
        request = _request(raw["request"])
        exchanges.append(
            Exchange(
                version,
                folder,
                raw["name"],
                raw["about"],
                request,
                raw["answers"],
                request.startswith(b"(see title)"),
            )
        )
    return exchanges


def folders() -> list[tuple[str, str]]:
    """Version and folder of all recordings."""
    return sorted((file.parent.name, file.stem) for file in FOLDER.glob("*/*.jsonl"))


def event_pieces(response: Response) -> list[str]:
    """The content of each chunk of a body."""
    raw, pieces = response.raw_body, []
    while raw:
        line, _, raw = raw.partition(b"\r\n")
        size = int(line, 16)
        pieces.append(raw[:size].decode("utf-8", "replace"))
        raw = raw[size + 2 :]
    assert pieces and pieces[-1] == "", "the chunked body has no end"
    return pieces[:-1]


def _shown(value: object) -> str:
    text = json.dumps(_without_chance(value), ensure_ascii=True)
    return text if len(text) <= 160 else text[:157] + "..."


def _kind(value: object) -> str:
    for kind, name in (
        (type(None), "null"),
        (bool, "bool"),
        (int, "int"),
        (float, "float"),
        (str, "string"),
        (list, "list"),
    ):
        if isinstance(value, kind):
            return name
    return "object"


def _without_chance(value: object) -> object:
    """Ids and fingerprints: as many hexadecimal digits are the same. A prompt's length in tokens is
    the tokenizer's affair, and where the model lies that of the machine."""
    if not isinstance(value, str):
        return value
    value = re.sub(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "<a UUID>", value)
    value = re.sub(r"[0-9a-f]{8,}", lambda hit: f"<{len(hit.group())} digits>", value)
    value = re.sub(r"\d+ input tokens", "N input tokens", value)
    value = re.sub(r"Vocabulary size: \d+", "Vocabulary size: N", value)
    return value.replace("./tiny-llama", "tiny")


def _objects(path: str, recorded: dict, got: dict, exact: bool) -> list[str]:
    name = path.replace("[]", "").rpartition(".")[2]
    if name in _MAPS and recorded and got and "token" not in recorded:
        first, other = next(iter(recorded.values())), next(iter(got.values()))
        return _values(path + ".*", first, other, exact)
    out = [f"{path} has no {key}" for key in recorded if key not in got]
    out += [f"{path} has {key} besides" for key in got if key not in recorded]
    common = [key for key in recorded if key in got]
    if common != [key for key in got if key in recorded]:
        out.append(f"{path} has its members in another order")
    for key in common:
        out += _values(f"{path}.{key}", recorded[key], got[key], exact)
    return out


def _lists(path: str, recorded: list, got: list, exact: bool) -> list[str]:
    name = path.replace("[]", "").rpartition(".")[2]
    out = []
    counted = name in _COUNTED and all(isinstance(item, dict) for item in recorded + got)
    if len(recorded) != len(got) and (counted or not recorded or not got):
        out.append(f"{path} has {len(recorded)} items, here {len(got)}")
    for one, other in zip(recorded, got):
        out += _values(path + "[]", one, other, exact)
    return out


def _values(path: str, recorded: object, got: object, exact: bool) -> list[str]:
    if _kind(recorded) != _kind(got):
        return [f"{path} is {_kind(recorded)}, here {_kind(got)}"]
    if isinstance(recorded, dict):
        return _objects(path, recorded, got, exact)
    if isinstance(recorded, list):
        return _lists(path, recorded, got, exact)
    name = path.replace("[]", "").rpartition(".")[2]
    if not exact and (name in _FREE or path in _FREE_PATHS):
        return []
    if {recorded, got} in _ENDS and not exact:
        return []
    if _without_chance(recorded) == _without_chance(got):
        return []
    return [f"{path} is {_shown(recorded)}, here {_shown(got)}"]


def _unique(lines: list[str]) -> list[str]:
    return list(dict.fromkeys(lines))


def _head(recorded: dict, got: Response) -> list[str]:
    if recorded["status"] != got.status:
        return [f"status {recorded['status']}, here {got.status}"]
    names = [name for name, _ in recorded["fields"]]
    here = [name for name, _ in got.headers]
    out = [f"no {name}" for name in names if name not in here]
    out += [f"{name} besides" for name in here if name not in names]
    if [n for n in names if n in here] != [n for n in here if n in names]:
        out.append(f"headers in the order {' '.join(here)}")
    values = dict(got.headers)
    for name, value in recorded["fields"]:
        if name in values and name.lower() not in _FREE_FIELDS and values[name] != value:
            out.append(f"{name}: {value}, here {values[name]}")
    return out


def _json(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _metrics(recorded: str, got: str) -> list[str]:
    """Of a page of metrics only that it is one: the families are compared elsewhere."""
    return [] if got.startswith("# HELP") else ["body is no page of metrics"]


def _bodies(recorded: dict, got: Response) -> list[str]:
    text, here = recorded["body"], got.body.decode("utf-8", "replace")
    text = text.encode("latin-1").decode("utf-8", "replace")
    if text.startswith("# HELP"):
        return _metrics(text, here)
    if recorded.get("cut"):
        return []  # the recording has only its beginning
    one, other = _json(text), _json(here)
    if one is None or other is None:
        if text == here:
            return []
        return [f"body is {_shown(text)}, here {_shown(here)}"]
    return _values("body", one, other, recorded["status"] >= 400)


def _event(piece: str) -> tuple[str, object]:
    """Name and data of an event. Data that is no JSON stays a text."""
    name, data = "", piece
    for line in piece.strip("\n").split("\n"):
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            data = line[6:]
    document = _json(data)
    return name, data if document is None else document


def _choice(event: tuple[str, object]) -> int:
    """The number of the choice that an event belongs to; one behind all when it belongs to none."""
    choices = event[1].get("choices") if isinstance(event[1], dict) else None
    return choices[0]["index"] if choices else len(event) << 20


def _runs(events: list[tuple[str, object]]) -> list[tuple[str, object]]:
    """Choice by choice, because they take turns as it happens: of each row of events that differ in
    nothing but text, the first."""
    if any(_choice(event) < 1 << 20 for event in events):
        events = sorted(events, key=_choice)
    out: list[tuple[str, object]] = []
    for event in events:
        if out and out[-1][0] == event[0] and not _values("", out[-1][1], event[1], False):
            continue
        out.append(event)
    return out


def _streams(recorded: dict, got: Response, scripted: bool) -> list[str]:
    if got.header("transfer-encoding") != "chunked":
        return ["body is no stream here"]
    if got.header("content-type") == "application/octet-stream":
        # Floats of four bytes, which are the model's own.
        return [] if got.body and len(got.body) % 4 == 0 else ["body holds no floats here"]
    texts = [text.encode("latin-1").decode("utf-8", "replace") for text in recorded["events"]]
    pieces = event_pieces(got)
    for piece in pieces:
        assert piece.endswith("\n\n") and piece.count("\n\n") == 1, "a chunk is not one event"
    if recorded.get("cut"):
        texts, pieces = texts[:1], pieces[:1]
    if recorded.get("tail"):  # the recording has only its end
        pieces = pieces[-len(texts) :]
    one, other = _runs([_event(text) for text in texts]), _runs([_event(p) for p in pieces])
    out = []
    if scripted and len(texts) != len(pieces):
        out.append(f"{len(texts)} events, here {len(pieces)}")
    if len(one) != len(other):
        out.append(f"{len(one)} kinds of events in turn, here {len(other)}")
    for (name, data), (here, mine) in zip(one, other):
        if name != here:
            out.append(f"event {name}, here {here}")
            break
        out += _values("event", data, mine, False)
    return out


def differences(recorded: dict, got: Response, scripted: bool = False) -> list[str]:
    """How `got` differs from a recorded answer, a line each; none when it is as vLLM's. `scripted`:
    the answer has the same text, and so as many events."""
    out = _head(recorded, got)
    if recorded["status"] != got.status or recorded["status"] < 200:
        return out
    if "events" in recorded:
        out += _streams(recorded, got, scripted)
    elif got.body or recorded["body"].strip():
        out += _bodies(recorded, got)
    return _unique(out)
