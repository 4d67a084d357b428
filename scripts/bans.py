#!/usr/bin/env python3
"""Fails when a file holds what this project does not want, with file:line and the reason.

    scripts/bans.py              checks the tree
    scripts/bans.py --self-test  shows that each ban finds what it is there for
"""
import pathlib
import re
import sys

from coroutines import expressions_with_co_await, without_comments_and_strings

ROOT = pathlib.Path(__file__).resolve().parent.parent
SKIPPED = {".git", ".cache", ".pytest_cache", "__pycache__", "build", "corpus", "testdata"}
COLUMNS_MAX = 100
LINES_MAX = 600

# Looked for in C++ after comments and the contents of strings are taken out.
CODE_BANS = [
    (re.compile(r"\bstd::c(out|err|log)\b|#\s*include\s*<iostream>"),
     "log through the logger; print with std::fputs"),
    (re.compile(r"\bsleep_(for|until)\b|\bu?sleep\s*\("), "wait for an event, do not sleep"),
    (re.compile(r"\bdetached\b"), "spawn() with a handler that looks at the exception"),
    (re.compile(r"(?<![\w)\]])\[[^\]\s][^\]]*\]\s*\([^)]*\)\s*(mutable\s*)?(noexcept\s*)?"
                r"->\s*([\w:]+::)?[Aa]waitable\b"),
     "a coroutine that is a lambda with captures: make it a function, pass arguments"),
    (re.compile(r"\bwhile\s*\((?:[^()]|\([^()]*\))*\bco_await\b"),
     "gcc 12 miscompiles while (co_await ...): assign the result in the loop's body"),
]
HEADER_BANS = [(re.compile(r"\busing\s+namespace\b"), "using namespace in a header")]
# gcc 12 destroys these temporaries twice.
CO_AWAIT_BANS = [
    (re.compile(r"(?<![\w)\]\[])\[[^\]\s\[][^\]]*\]\s*(\(|\{|<|mutable\b)"),
     "capturing lambda in an expression with co_await: name it on the line before"),
    (re.compile(r"([,(?]|[^:]:(?!:)|\b(co_)?return\b|\bco_await\b)\s*"
                r"([A-Za-z_][\w:]*(<[^<>;{}()]*>)?)?\s*\{"),
     "braced temporary in an expression with co_await: name it on the line before"),
]
# Looked for in every text file. The words are cut so that this file does not hold them.
TEXT_BANS = [
    (re.compile(r"\b(FIX" r"ME|TO" r"DO|XX" r"X)\b"), "finish it, or leave it out"),
    (re.compile(r"(?<![\w.$}~-])/(wo" r"rk|ro" r"ot|ho" r"me/\w+)/|\.\./sha" r"red/|^sha" r"red/"),
     "path of somebody's machine"),
]
CODE_SUFFIXES = {".cc", ".h", ".py", ".cmake"}


def scan(text: str, bans: list, found: list, offset_line: int = 1) -> None:
    for pattern, reason in bans:
        for match in pattern.finditer(text):
            found.append((offset_line + text.count("\n", 0, match.start()), reason))


def faults_in(path: pathlib.PurePath, text: str) -> list[tuple[int, str]]:
    """What is wrong with `text` as the content of `path`: pairs of line number and reason."""
    found: list[tuple[int, str]] = []
    scan(text, TEXT_BANS, found)
    lines = text.splitlines()
    if path.suffix in CODE_SUFFIXES or path.parts[0] in ("scripts", ".ci"):
        found += [(number, f"line over {COLUMNS_MAX} columns")
                  for number, line in enumerate(lines, 1) if len(line) > COLUMNS_MAX]
    if path.suffix in (".cc", ".h"):
        code = without_comments_and_strings(text)
        scan(code, CODE_BANS, found)
        if path.suffix == ".h":
            scan(code, HEADER_BANS, found)
        for line, expression in expressions_with_co_await(code):
            scan(expression, CO_AWAIT_BANS, found, line)
        if len(lines) > LINES_MAX and not path.stem.endswith("_test"):
            found.append((LINES_MAX + 1, f"file over {LINES_MAX} lines: split it"))
    return sorted(set(found))


def is_listed(path: pathlib.PurePath, cmake: str) -> bool:
    """Whether CMakeLists.txt names the source file: in its folder's call, or by its full path."""
    if path.as_posix() in cmake:
        return True
    if path.parts[0] == "fuzz":
        return bool(re.search(rf"\bolla_fuzzer\(\s*{path.stem.removesuffix('_fuzz')}\b", cmake))
    folder = "_".join(path.parts[1:-1])
    call = re.search(rf"\bolla_folder\(\s*{folder}\b([^)]*)\)", cmake)
    return bool(call) and path.name in call.group(1).split()


SAMPLE_CMAKE = ("olla_folder(net SOURCES tcp.cc TESTS tcp_test.cc)\n"
                "olla_folder(net_tls SOURCES key.cc)\nolla_fuzzer(head USES http)")
LISTED = ["src/net/tcp.cc", "src/net/tcp_test.cc", "src/net/tls/key.cc", "fuzz/head_fuzz.cc"]
UNLISTED = ["src/net/tls.cc", "src/net/key.cc", "src/net/tls/tcp.cc",
            "src/net/cp.cc", "src/http/tcp.cc", "fuzz/body_fuzz.cc"]

GOOD = [
    ("src/net/b.cc", "while (more)\n  more = co_await step();\n"),
    ("src/a/a.cc", "// std::cout, detached and co_await f(T{1}) are only words here\n"),
    ("src/a/a.cc", 'const char* text = "std::cout << sleep_for";'),
    ("src/a/a.cc", "const auto [a, b] = co_await f(x[i], y);"),
    ("src/a/a.cc", "const Args args{.x = 1}; co_await f(args);"),
    ("src/a/a.cc", "if (co_await f(x)) { g(T{1}); }"),
    ("src/a/a.cc", "co_await f([](int x) { return x; });"),
    ("src/a/a.cc", "const auto done = [&x] { return x; };\nco_await f(done);"),
    ("src/a/a.cc", "net::spawn(where, run(std::move(x)), [&](auto e) { look(e); });"),
    ("src/a/a.cc", "const T x{co_await f()};"),
    ("src/a/a.cc", "if (a) { g(T{1}); }\n*x = co_await f();"),
    ("src/a/a.cc", "switch (k) { case kA: co_await f(); break; case kB: { g(); } }"),
    ("README.md", "curl http://localhost/work/items"),
]
BAD = [
    ("src/net/a.cc", "while (co_await step()) {\n}\n"),
    ("src/a/a.cc", "#include <iostream>"),
    ("src/a/a.cc", "std::cout << 1;"),
    ("src/a/a_test.cc", "std::this_thread::sleep_for(1ms);"),
    ("src/a/a.cc", "spawn(io, f(), asio::detached);"),
    ("src/a/a.cc", "spawn(io, [p]() -> Awaitable<void> { co_await g(p); }, done);"),
    ("src/a/a.cc", "spawn(io, [this]() mutable -> Awaitable<void> { co_return; }, done);"),
    ("src/a/a.cc", "co_await f([p] { return *p; });"),
    ("src/a/a.cc", "co_await f(1,\n  [p = std::move(p)](int x) mutable { return *p; });"),
    ("src/a/a.cc", "co_await f([&] { return 1; });"),
    ("src/a/a.cc", "co_await f(Args{1, p});"),
    ("src/a/a.cc", "co_await f({.x = 1, .p = p});"),
    ("src/a/a.cc", "if (!(co_await f(x, std::vector<int>{1}))) return;"),
    ("src/a/a.cc", "const auto r = g(Args{p}, co_await f());"),
    ("src/a/a.cc", "co_return Answer{co_await f()};"),
    ("src/a/a.cc", "const auto r = g(Args{co_await f()});"),
    ("src/a/a.cc", "co_await Operation{p};"),
    ("src/a/a.h", "using namespace std;"),
    ("src/a/a.cc", "x" * 101),
    ("src/a/a.cc", "int a;\n" * 601),
    ("src/a/a.cc", "// TO" "DO: later"),
    ("docs/a.md", "see /wo" "rk/main"),
    ("docs/a.md", "see ../sha" "red/design.md"),
]


def self_test() -> int:
    wrong = [f"refused: {text}" for name, text in GOOD if faults_in(pathlib.PurePath(name), text)]
    wrong += [f"not found: {text[:200]}" for name, text in BAD
              if not faults_in(pathlib.PurePath(name), text)]
    wrong += [f"not seen in CMake: {name}" for name in LISTED
              if not is_listed(pathlib.PurePath(name), SAMPLE_CMAKE)]
    wrong += [f"seen in CMake: {name}" for name in UNLISTED
              if is_listed(pathlib.PurePath(name), SAMPLE_CMAKE)]
    count = len(GOOD) + len(BAD) + len(LISTED) + len(UNLISTED)
    print("\n".join(["bans.py: self-test failed"] + wrong) if wrong else
          f"bans.py: self-test passed, {count} samples")
    return 1 if wrong else 0


def text_files() -> list[pathlib.Path]:
    return sorted(path for path in ROOT.rglob("*")
                  if path.is_file() and not SKIPPED.intersection(path.relative_to(ROOT).parts))


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    cmake = re.sub(r"#.*", "", (ROOT / "CMakeLists.txt").read_text("utf-8"))
    bad = 0
    for path in text_files():
        name = path.relative_to(ROOT)
        content = path.read_bytes()
        found = [] if b"\0" in content else faults_in(name, content.decode(errors="replace"))
        if path.suffix == ".cc" and name.parts[0] in ("src", "fuzz") and not is_listed(name, cmake):
            if name.name != "replay_main.cc":  # cmake/folders.cmake adds it to each fuzzer.
                found.append((1, "not in CMakeLists.txt"))
        for number, reason in found:
            print(f"{name}:{number}: {reason}")
        bad += len(found)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
