"""The result of a run as a Markdown document."""

from compare import Result

TEXT = """\
# Conformance with a real vLLM

Every call goes to a real vLLM server twice: directly, and through `olla serve` with the config of
the vLLM API page. What the client sees must be the same: status, headers and body.

Set aside: ids and creation times; headers that the gateway adds (`X-Olla-*`, `Via`); the values
of `Date` and `Content-Length`; the random text of the page's own calls (they are run again with
temperature 0 and a seed, and then the text must be equal). A stream is compared by what it says:
the joined text of each choice, the finish reasons, the usage, and the shapes of its events. The
number of its events may differ, because a server that is behind joins several tokens in one event.
Where the gateway refuses a body before any server is asked, the status, the error's type, its code
and its members are compared; the wording is its own.
"""


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def document(command: str, versions: dict[str, str], results: list[Result]) -> str:
    bad = [result for result in results if result.differences]
    lines = [TEXT, "## The run", "", "```", command, "```", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {_cell(version)} |" for name, version in versions.items()]
    verdict = f"**{len(results) - len(bad)} of {len(results)} the same.**"
    lines += [
        "",
        "## Results",
        "",
        verdict,
        "",
        "| call | direct | through olla | |",
        "|---|---|---|---|",
    ]
    for result in results:
        mark = "different" if result.differences else "same"
        cells = (result.name, result.direct, result.through, mark)
        lines.append("| " + " | ".join(map(_cell, cells)) + " |")
    if bad:
        lines += ["", "## Differences", ""]
        for result in bad:
            lines += [f"* {result.name}"] + [f"  * `{d}`" for d in result.differences]
    return "\n".join(lines) + "\n"
