"""The result of a run as a Markdown document."""

import dataclasses

from compare import Result

TEXT = """\
# Conformance with a real vLLM

Everything here was asked of a real vLLM server twice: directly, and through `olla serve` with the
config of the vLLM API page. The model is a tiny one with random weights, whose text is random but
for some scripted answers (`conformance/make_tiny_model.py`).
"""

SAME = """\
What the client sees must be the same: status, headers and body.

Set aside: ids and creation times; headers that the gateway adds (`X-Olla-*`, `Via`); the values
of `Date` and `Content-Length`; the random text of the page's completion (it is run again with
temperature 0 and a seed, and then the text must be equal). A stream is compared by what it says:
the joined text of each choice, the finish reasons, the usage, and the shapes of its events. The
number of its events may differ, because a server that is behind joins several tokens in one event.
Where the gateway refuses a request before any server is asked, the status, the error's type, its
code and its members are compared; the wording is its own, and the code of an unknown model is the
word `model_not_found` for vLLM's 404. The page's chat goes to the server with `structured_outputs`,
and to the gateway as the page has it.
"""
PAGE = """\
The command lines of the page, run by curl as they stand there (`conformance/page/`); its config
file, not the command line, says where `localhost:40114` is. The column "direct" is the same without
`/olla/vllm`. The GPU's memory comes from a stand-in for NVIDIA's exporter.
"""
EFFECT = """\
Each parameter with its effect. "no:" under "direct" is what vLLM by itself makes of the parameter;
that is checked too. Each answer's `X-Olla-Translated` must say what was translated, and nothing
else.
"""
BAD = """\
Each must end in a status of 400 with an error that names the parameter.
"""
LOAD = """\
Eight streams run through the gateway. Under "direct" stands what the server's own metrics say at
that time.
"""
FLEET = """\
What the gateway answers in the place of its servers; and routes that it does not let through.
"""

MESSAGES = """\
The server's `/v1/messages` as the gateway offers it to clients of Anthropic's API.
"""


@dataclasses.dataclass
class Part:
    """A section of the document: one line per check."""

    title: str
    text: str
    results: list[Result]
    good: str = "yes"
    bad: str = "**no**"

    def faults(self) -> list[Result]:
        return [result for result in self.results if result.differences]

    def verdict(self) -> str:
        return f"{len(self.results) - len(self.faults())} of {len(self.results)}"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _row(*cells: str) -> str:
    return "| " + " | ".join(map(_cell, cells)) + " |"


def _numbers(parts: list[Part]) -> list[str]:
    whole = Part("all", "", [result for part in parts for result in part.results])
    lines = [f"**{whole.verdict()} as they should be.**", "", "| part | |", "|---|---|"]
    return lines + [_row(part.title, part.verdict()) for part in parts] + [""]


def _section(part: Part) -> list[str]:
    lines = [f"## {part.title}", "", part.text]
    lines += ["| check | direct | through olla | |", "|---|---|---|---|"]
    for result in part.results:
        mark = part.bad if result.differences else part.good
        lines.append(_row(result.name, result.direct, result.through, mark))
    return lines + [""]


def _faults(parts: list[Part]) -> list[str]:
    bad = [result for part in parts for result in part.faults()]
    if not bad:
        return []
    lines = ["## Faults", ""]
    for result in bad:
        lines += [f"* {result.name}"] + [f"  * `{_cell(d)}`" for d in result.differences]
    return lines + [""]


def document(command: str, versions: dict[str, str], parts: list[Part]) -> str:
    parts = [part for part in parts if part.results]
    lines = [TEXT, *_numbers(parts)]
    lines += ["```", command, "```", "", "| | |", "|---|---|"]
    lines += [_row(name, version) for name, version in versions.items()]
    lines.append("")
    lines += _faults(parts)
    for part in parts:
        lines += _section(part)
    return "\n".join(lines).rstrip("\n") + "\n"
