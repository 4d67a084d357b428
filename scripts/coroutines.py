"""Finds the expressions of a C++ file that hold a co_await. Used by bans.py."""
import re
from collections.abc import Iterator

TOKEN = re.compile(
    r'//[^\n]*|/\*.*?\*/|R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)"|"(?:\\.|[^"\\\n])*"'
    r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])+'", re.S)
CLOSERS = {"(": ")", "[": "]", "{": "}"}
# A parenthesis after one of these is part of a statement, not of an expression.
CONTROL = re.compile(r"\b(if|if constexpr|while|for|switch)\s*$")
# A brace after one of these opens a temporary; after anything else, a block or a variable.
TEMPORARY = re.compile(r"([,(]|\b(co_)?return\b)\s*([A-Za-z_][\w:]*(<[^<>;{}()]*>)?)?\s*$")
# After a temporary's closing brace the expression goes on.
GOES_ON = re.compile(r"\s*([,.)\]?:<>=|/%]|&&|!=)")


def without_comments_and_strings(text: str) -> str:
    """`text` with each comment blanked and each string emptied, every line where it was."""
    def blank(match: re.Match) -> str:
        token = match.group()
        kept = "\n" * token.count("\n")
        return kept if token.startswith("/") else '""' + kept
    return TOKEN.sub(blank, text)


def start_of(code: str, at: int) -> tuple[int, int]:
    """Where the expression around `at` begins, and how many brackets it has open at `at`."""
    depth = opened = 0
    while at > 0:
        char = code[at - 1]
        if char in ")]" or (char == "}" and (depth or GOES_ON.match(code, at))):
            depth += 1
        elif char in "([{":
            before = code[:at - 1]
            if depth:
                depth -= 1
            elif char == "{" and not TEMPORARY.search(before[-200:]):
                break
            elif char == "(" and CONTROL.search(before[-20:]):
                break
            else:
                opened += 1
        elif char in ";}" and not depth:
            break
        at -= 1
    return at, opened


def end_of(code: str, at: int, opened: int) -> int:
    """Where the expression around `at` ends, which has `opened` brackets open there."""
    while at < len(code):
        char = code[at]
        if char in CLOSERS:
            opened += 1
        elif char in CLOSERS.values():
            if not opened:
                break
            opened -= 1
        elif char == ";" and not opened:
            break
        at += 1
    return at


def expressions_with_co_await(code: str) -> Iterator[tuple[int, str]]:
    """Each expression in `code` with a co_await, and the number of its first line."""
    for match in re.finditer(r"\bco_await\b", code):
        start, opened = start_of(code, match.start())
        end = end_of(code, match.end(), opened)
        yield code.count("\n", 0, start) + 1, code[start:end]
