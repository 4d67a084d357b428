#!/usr/bin/env python3
"""Runs clang-tidy over the sources, one process per core, and remembers the clean ones.

    scripts/tidy.py build/dev/compile_commands.json [--tests]

A file is skipped when neither it, nor a project header it includes, nor its compile command, nor
.clang-tidy changed since it was last found clean. System headers are not looked at: remove
build/tidy-cache after an upgrade of the system. Test files are left out unless --tests is given:
the compiler's warnings and the sanitizers look after them.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / "build/tidy-cache"
DATABASE = ROOT / "build/tidy"
TIDY = "clang-tidy-14"
INCLUDE = re.compile(rb'^\s*#\s*include\s*"([^"]+)"', re.M)


def clang_arguments(command: str) -> list[str]:
    """The compile command without gcc's precompiled header, which clang cannot read.

    Each file thus has to include what it uses by itself.
    """
    arguments = []
    words = iter(shlex.split(command))
    for word in words:
        if word == "-include":
            header = next(words)
            if not header.endswith("cmake_pch.hxx"):
                arguments += [word, header]
        elif word not in ("-Winvalid-pch", "-fpch-preprocess"):
            arguments.append(word)
    return arguments


@functools.cache
def contents_and_includes(path: pathlib.Path) -> tuple[bytes, tuple[pathlib.Path, ...]]:
    content = path.read_bytes()
    names = [name.decode() for name in INCLUDE.findall(content)]
    found = [ROOT / "src" / name for name in names]
    return content, tuple(header for header in found if header.is_file())


def cache_key(entry: dict, common: bytes) -> str:
    digest = hashlib.sha256(common)
    digest.update(json.dumps(entry["arguments"]).encode())
    seen: set[pathlib.Path] = set()
    waiting = [pathlib.Path(entry["file"])]
    while waiting:
        path = waiting.pop()
        if path in seen:
            continue
        seen.add(path)
        content, includes = contents_and_includes(path)
        digest.update(str(path).encode() + b"\0" + hashlib.sha256(content).digest())
        waiting += includes
    return digest.hexdigest()


def check(entry: dict, key: str) -> bool:
    command = [TIDY, "--quiet", "-p", str(DATABASE), entry["file"]]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    name = pathlib.Path(entry["file"]).relative_to(ROOT)
    if result.returncode == 0:
        (CACHE / key).touch()
        print(f"tidy: {name}", flush=True)
        return True
    print(f"tidy: {name}: FAILED\n{result.stdout or result.stderr}", flush=True)
    return False


def main() -> int:
    with_tests = "--tests" in sys.argv
    entries = json.loads(pathlib.Path(sys.argv[1]).read_text("utf-8"))
    for entry in entries:
        entry["arguments"] = clang_arguments(entry.pop("command"))
    DATABASE.mkdir(parents=True, exist_ok=True)
    CACHE.mkdir(parents=True, exist_ok=True)
    (DATABASE / "compile_commands.json").write_text(json.dumps(entries), "utf-8")

    wanted = [entry for entry in entries
              if entry["file"].startswith(f"{ROOT}/src/")
              and (with_tests or not entry["file"].endswith("_test.cc"))]
    version = subprocess.run([TIDY, "--version"], capture_output=True, check=True).stdout
    settings = [ROOT / ".clang-tidy", *sorted((ROOT / "src").glob("*/.clang-tidy"))]
    common = version + b"".join(file.read_bytes() for file in settings)
    todo = [(entry, key) for entry, key in ((entry, cache_key(entry, common)) for entry in wanted)
            if not (CACHE / key).exists()]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = list(pool.map(lambda job: check(*job), todo))
    print(f"tidy: {len(wanted)} files, {len(wanted) - len(todo)} unchanged, "
          f"{clean.count(False)} failed")
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
