"""The openai SDK against one address; the same calls directly and through the gateway."""

import openai

from cases import (
    PAGE_CHAT,
    PAGE_CHAT_TODAY,
    PAGE_COMPLETION,
    PAGE_EMBEDDING,
    fixed,
    fixed_completion,
)
from compare import Result, code_of

HIDDEN = {"id", "created"}


class Client(openai.OpenAI):
    """The SDK for one address, and the page's chat as the server there takes it."""

    def __init__(self, base_url: str, page_chat: dict):
        super().__init__(base_url=base_url, api_key="not-needed", max_retries=0, timeout=120)
        self.page_chat = page_chat


def _page(document: dict) -> dict:
    """A document of the page as SDK arguments: what the SDK does not know goes in extra_body."""
    known = {
        "model",
        "messages",
        "prompt",
        "input",
        "temperature",
        "max_tokens",
        "top_p",
        "stream",
        "best_of",
        "encoding_format",
    }
    arguments = {key: content for key, content in document.items() if key in known}
    arguments["extra_body"] = {k: content for k, content in document.items() if k not in known}
    return {**arguments, "temperature": 0, "seed": 1} if "input" not in document else arguments


def _visible(answer) -> object:
    def strip(document):
        if isinstance(document, dict):
            return {key: strip(item) for key, item in document.items() if key not in HIDDEN}
        return [strip(item) for item in document] if isinstance(document, list) else document

    return strip(answer.model_dump())


def _stream(events) -> dict:
    """What a stream said; the number of its events is free."""
    said = {"texts": {}, "reasons": {}, "usage": None}
    for event in events:
        for choice in event.choices:
            text = choice.delta.content if hasattr(choice, "delta") else choice.text
            said["texts"][choice.index] = said["texts"].get(choice.index, "") + (text or "")
            if choice.finish_reason:
                said["reasons"][choice.index] = choice.finish_reason
        if event.usage:
            said["usage"] = event.usage.model_dump()
    return said


USAGE = {"stream_options": {"include_usage": True}}

GENERATE = {
    "SDK: models": lambda c: [model.id for model in c.models.list()],
    "SDK: page's chat": lambda c: _visible(c.chat.completions.create(**_page(c.page_chat))),
    "SDK: page's chat, streamed": lambda c: _stream(
        c.chat.completions.create(**{**_page(c.page_chat), "stream": True}, **USAGE)
    ),
    "SDK: page's completion": lambda c: _visible(c.completions.create(**_page(PAGE_COMPLETION))),
    "SDK: page's completion, streamed": lambda c: _stream(
        c.completions.create(**{**_page(PAGE_COMPLETION), "stream": True}, **USAGE)
    ),
    "SDK: chat, two choices, streamed": lambda c: _stream(
        c.chat.completions.create(**fixed(n=2, temperature=1), stream=True, **USAGE)
    ),
    "SDK: completion": lambda c: _visible(c.completions.create(**fixed_completion())),
    "SDK: unknown model": lambda c: c.chat.completions.create(**fixed(model="no-such-model")),
    "SDK: bad parameter": lambda c: c.chat.completions.create(**fixed(max_tokens=-1)),
}

EMBED = {
    "SDK: page's embeddings": lambda c: _visible(c.embeddings.create(**_page(PAGE_EMBEDDING))),
    "SDK: embeddings, default format": lambda c: _visible(
        c.embeddings.create(model=PAGE_EMBEDDING["model"], input=["one", "two"])
    ),
    "SDK: embeddings, unknown model": lambda c: c.embeddings.create(model="nope", input="x"),
}


def _outcome(call, client) -> tuple[str, object]:
    """A short word for the report, and what is compared. An error is an outcome like another."""
    try:
        return "answer", call(client)
    except openai.APIStatusError as error:
        said = {"class": type(error).__name__, "status": error.status_code, "body": error.body}
        if said["class"] == "NotFoundError":  # Of a model, in the gateway's words for all servers.
            said["body"] = {"type": error.body["type"], "code": code_of(error.body)}
        return said["class"], said


def compare_all(calls: dict, direct_url: str, through_url: str, gateway: bool) -> list[Result]:
    results = []
    page_chat = PAGE_CHAT if gateway else PAGE_CHAT_TODAY
    with Client(direct_url, PAGE_CHAT_TODAY) as direct, Client(through_url, page_chat) as through:
        for name, call in calls.items():
            (word, before), (other, after) = _outcome(call, direct), _outcome(call, through)
            differences = [] if before == after else [f"{before!r:.300}, {after!r:.300}"]
            results.append(Result(name, word, other, differences))
    return results
