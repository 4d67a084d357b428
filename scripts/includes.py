#!/usr/bin/env python3
"""Holds the #include lines to the architecture: a folder may use only itself and folders above it.

    scripts/includes.py              checks src/; prints file:line for each line that breaks a rule,
                                     and whether ARCHITECTURE.md lists the folders in this order
    scripts/includes.py --self-test  shows that each rule finds what it is there for
"""
import itertools
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent

# The one order of the folders under src/, top first. ARCHITECTURE.md has a table with a row for
# each, in the same order, which says what it is for.
ORDER = ["base", "config", "http", "sse", "openai", "models", "vllm", "fleet", "routing", "limits",
         "metrics", "log", "net", "proxy", "admin", "sim", "app"]
# Folders that the simulated server stands beside, not on.
NOT_FROM = {"sim": {"proxy", "admin"}}
# Folders inside a folder that may include less than that: only themselves and these.
INNER = {"sim/engine": {"base", "config"}}
# The folders that may do I/O. A buffer of Asio is a pointer and a size: anybody may have one.
ASIO_FOLDERS = {"net", "proxy", "admin", "sim", "app", "test"}
ASIO = re.compile(r"boost/asio(?!/buffer\.hpp)|boost/beast/(core|websocket|ssl)\b")

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
TABLE_ROW = re.compile(r"^\| `src/(\w+)/` \|", re.M)


def fault(path: pathlib.PurePath, bracket: str, name: str) -> str | None:
    """Why the file at `path`, relative to src/, may not include `name`; None when it may."""
    folder = path.parts[0] if len(path.parts) > 1 else None
    if folder is None:
        return None  # main.cc puts everything together.
    inner = path.parent.as_posix()
    if bracket == "<":
        if ASIO.match(name) and (folder not in ASIO_FOLDERS or inner in INNER):
            return f"{folder}/ does no I/O: Asio belongs in {', '.join(sorted(ASIO_FOLDERS))}"
        return None
    if folder != "test" and folder not in ORDER:
        return f"{folder}/ has no place in the order of the folders"
    target = name.split("/")[0] if "/" in name else None
    if inner in INNER and not name.startswith(inner + "/") and target not in INNER[inner]:
        return f"{inner}/ may include itself and {', '.join(sorted(INNER[inner]))} only"
    if target == "test":
        if folder == "test" or path.stem.endswith("_test"):
            return None
        return "test/ is for tests only"
    if target not in ORDER:
        return f'"{name}": write a project header as "folder/file.h", any other in <>'
    if folder == "test":
        return None
    if ORDER.index(target) > ORDER.index(folder):
        return f"{folder}/ stands above {target}/ and may not include it"
    if target in NOT_FROM.get(folder, ()):
        return f"{folder}/ may not include {target}/"
    return None


def faults_in(path: pathlib.PurePath, text: str) -> list[tuple[int, str]]:
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        reason = match and fault(path, *match.groups())
        if reason:
            found.append((number, reason))
    return found


def faults_in_table(document: str) -> list[tuple[int, str]]:
    """What is wrong with the table of folders in ARCHITECTURE.md: line 0 when it ends too early."""
    rows = list(TABLE_ROW.finditer(document))
    found = []
    for row, wanted in itertools.zip_longest(rows, ORDER):
        if row and row.group(1) == wanted:
            continue
        line = 1 + document.count("\n", 0, row.start()) if row else 0
        named = f"src/{row.group(1)}/" if row else "the table's end"
        expected = f"src/{wanted}/" if wanted else "the table's end"
        found.append((line, f"{named} stands where the order has {expected}"))
    return found


def table(folders: list[str]) -> str:
    return "".join(f"| `src/{folder}/` | what it is for |\n" for folder in folders)


def self_test() -> int:
    allowed = [
        ("net/dialer.cc", '#include "base/error.h"'),
        ("net/dialer.cc", '#include "net/dialer.h"'),
        ("net/dialer.cc", "#include <boost/asio.hpp>"),
        ("http/parser.cc", "#include <boost/asio/buffer.hpp>"),
        ("sim/server.cc", '#include "net/types.h"'),
        ("proxy/relay_test.cc", '#include "test/pipe.h"'),
        ("test/pipe.h", '#include "net/types.h"'),
        ("main.cc", '#include "sim/server.h"'),
        ("sim/engine.cc", '#include "sim/engine/core.h"'),
        ("sim/engine/core.cc", '#include "sim/engine/task.h"'),
        ("sim/engine/core.cc", '#include "base/clock.h"'),
    ]
    refused = [
        ("base/error.h", '#include "http/parser.h"'),
        ("config/load.cc", '#  include "net/dialer.h"  // why'),
        ("sim/server.cc", '#include "proxy/relay.h"'),
        ("proxy/relay.cc", '#include "test/pipe.h"'),
        ("http/parser.cc", '#include "parser.h"'),
        ("http/parser.cc", '#include "utils/strings.h"'),
        ("utils/strings.h", '#include "base/error.h"'),
        ("http/parser.cc", "#include <boost/asio.hpp>"),
        ("fleet/health.h", "#include <boost/asio/steady_timer.hpp>"),
        ("sse/tail.cc", "#include <boost/beast/core/tcp_stream.hpp>"),
        ("sim/engine/core.cc", '#include "sim/text.h"'),
        ("sim/engine/core.cc", '#include "net/types.h"'),
        ("sim/engine/core.cc", "#include <boost/asio.hpp>"),
    ]
    wrong = [f"refused: {path}: {line}" for path, line in allowed
             if faults_in(pathlib.PurePath(path), line)]
    wrong += [f"not found: {path}: {line}" for path, line in refused
              if not faults_in(pathlib.PurePath(path), line)]
    swapped = [ORDER[1], ORDER[0], *ORDER[2:]]
    tables = {"right": ORDER, "swapped": swapped, "short": ORDER[:-1], "long": [*ORDER, "utils"],
              "empty": []}
    wrong += [f"table: {name}" for name, folders in tables.items()
              if bool(faults_in_table("# Folders\n" + table(folders))) == (name == "right")]
    samples = len(allowed) + len(refused) + len(tables)
    print("\n".join(["includes.py: self-test failed"] + wrong) if wrong else
          f"includes.py: self-test passed, {samples} samples")
    return 1 if wrong else 0


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    bad = 0
    source = ROOT / "src"
    for path in sorted([*source.rglob("*.h"), *source.rglob("*.cc")]):
        for number, reason in faults_in(path.relative_to(source), path.read_text("utf-8")):
            print(f"{path.relative_to(ROOT)}:{number}: {reason}")
            bad += 1
    document = ROOT / "ARCHITECTURE.md"
    for number, reason in faults_in_table(document.read_text("utf-8")):
        print(f"{document.name}:{number}: {reason}")
        bad += 1
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
