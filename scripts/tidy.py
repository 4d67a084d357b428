#!/usr/bin/env python3
"""Runs clang-tidy over the sources, one process per core, and remembers the clean ones.

    scripts/tidy.py build/dev/compile_commands.json [--tests]

A file is skipped when neither it, nor a project header it includes, nor its compile command, nor
.clang-tidy changed since it was last found clean. System headers are not looked at: remove
build/tidy-cache after an upgrade of the system. Test files are left out unless --tests is given:
the compiler's warnings and the sanitizers look after them.

Most of a file's time goes into the headers of libraries. Up to eight files of a folder are
therefore first looked at as one, without those that CMakeLists.txt lists behind APART. Where
something is found, each is looked at alone, and that decides: what the report names is a file of
the project.
"""
import concurrent.futures
import functools
import hashlib
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
CACHE = ROOT / "build/tidy-cache"
DATABASE = ROOT / "build/tidy"
TOGETHER_MAX = 8
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


def apart() -> set[str]:
    """The files, as CMakeLists.txt names them, that are not to be compiled together with others."""
    found = set()
    text = re.sub(r"#.*", "", (ROOT / "CMakeLists.txt").read_text("utf-8"))
    for name, rest in re.findall(r"\bolla_folder\(\s*(\w+)([^)]*)\)", text):
        names = re.search(r"\bAPART\b((?:\s+\w+\.cc)+)", rest)
        if names:
            found |= {f"{name.replace('_', '/')}/{file}" for file in names.group(1).split()}
    return found


def batches(todo: list[tuple[dict, str]]) -> list[list[tuple[dict, str]]]:
    """`todo` in lists that can be looked at together, those that take long first."""
    alone = apart()
    groups: dict[tuple, list] = {}
    for entry, key in todo:
        path = pathlib.Path(entry["file"])
        name = path.relative_to(ROOT / "src").as_posix()
        single = name in alone or name.endswith("_test.cc")
        groups.setdefault((path.parent, name if single else ""), []).append((entry, key))
    found = []
    for jobs in groups.values():
        size = min(TOGETHER_MAX, -(-len(jobs) // (os.cpu_count() or 1)))
        found += [jobs[at:at + size] for at in range(0, len(jobs), size)]
    return sorted(found, key=len, reverse=True)


def clean_together(jobs: list[tuple[dict, str]], number: int) -> bool:
    """Whether nothing is found in the files of `jobs` when they are one file."""
    first = jobs[0][0]
    folder = DATABASE / f"together_{number}"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    # clang-tidy takes the settings from above the file: ROOT's, and those of the files' own folder.
    for above in pathlib.Path(first["file"]).relative_to(ROOT).parents:
        if above.parts and (ROOT / above / ".clang-tidy").exists():
            shutil.copy(ROOT / above / ".clang-tidy", folder)
            break
    file = folder / "all.cc"
    file.write_bytes(b"\n".join(pathlib.Path(entry["file"]).read_bytes() for entry, _ in jobs))
    arguments = [str(file) if word == first["file"] else word for word in first["arguments"]]
    entry = first | {"file": str(file), "arguments": arguments}
    (folder / "compile_commands.json").write_text(json.dumps([entry]), "utf-8")
    command = [TIDY, "--quiet", "-p", str(folder), str(file)]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def check_batch(jobs: list[tuple[dict, str]], number: int) -> list[bool]:
    if len(jobs) == 1 or not clean_together(jobs, number):
        return [check(entry, key) for entry, key in jobs]
    for entry, key in jobs:
        (CACHE / key).touch()
        print(f"tidy: {pathlib.Path(entry['file']).relative_to(ROOT)}", flush=True)
    return [True] * len(jobs)


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
    work = batches(todo)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        clean = sum(pool.map(check_batch, work, range(len(work))), [])
    print(f"tidy: {len(wanted)} files, {len(wanted) - len(todo)} unchanged, "
          f"{clean.count(False)} failed")
    return 0 if all(clean) else 1


if __name__ == "__main__":
    sys.exit(main())
