#!/usr/bin/env python3
"""Fails when gcc laid out the frame of a coroutine wrongly.

    scripts/frames.py BINARY...      x86-64 programs or objects, built without optimisation
    scripts/frames.py --self-test    compiles one that gcc 12 breaks and one that it does not

scripts/test runs it on the thread sanitizer's build, which is such a program.

A coroutine's frame must begin with the pointer to its resume function: coroutine_handle counts on
it. gcc 12 puts a variable of its own in front when co_await stands in the condition of an if or a
while and the coroutine has no local variable; such a coroutine crashes when it is first resumed.
The remedy is to give the awaited result a name on the line before.
"""
import pathlib
import re
import subprocess
import sys
import tempfile

FUNCTION = re.compile(r"^[0-9a-f]+ <(.*)>:$")
LOADS_ACTOR = re.compile(r"\blea\b.*\.actor>")
STORES = re.compile(r"\bmov\s+%\w+,(0x[0-9a-f]+)?\(%\w+\)")


SAMPLE = """
#include <coroutine>
struct Task {
  struct promise_type {
    Task get_return_object() { return {}; }
    std::suspend_always initial_suspend() noexcept { return {}; }
    std::suspend_always final_suspend() noexcept { return {}; }
    void return_void() {}
    void unhandled_exception() {}
  };
};
struct Step {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  bool await_resume() { return true; }
};
Task broken() { while (co_await Step()) {} }
Task sound() { bool more = true; while (more) { more = co_await Step(); } }
int main() { broken(); sound(); }
"""


def coroutines(binary: str):
    """Yields the name of each coroutine and the offset of the resume pointer in its frame.

    A name may come twice: files may use the same one in anonymous namespaces.
    """
    listing = subprocess.run(["objdump", "-d", "--no-show-raw-insn", binary], check=True,
                             capture_output=True, text=True).stdout.splitlines()
    function = ""
    for line, following in zip(listing, listing[1:]):
        match = FUNCTION.match(line)
        if match:
            function = match.group(1)
        elif LOADS_ACTOR.search(line):
            stored = STORES.search(following)
            if stored:
                yield function, int(stored.group(1) or "0", 16)


def self_test() -> int:
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder, "sample.cc")
        source.write_text(SAMPLE, "utf-8")
        binary = str(source.with_suffix(""))
        subprocess.run(["g++", "-std=c++20", "-g", "-fsanitize=thread", "-o", binary, source],
                       check=True)
        found = dict(coroutines(binary))
    if found.get("_Z6brokenv", 0) == 0 or found.get("_Z5soundv") != 0:
        print(f"frames.py: self-test failed: {found}")
        return 1
    print("frames.py: self-test passed")
    return 0


def main() -> int:
    if sys.argv[1:] == ["--self-test"]:
        return self_test()
    bad = 0
    for binary in sys.argv[1:]:
        found = list(coroutines(binary))
        if not found:
            print(f"frames.py: {binary}: no coroutine found; built with optimisation?")
            bad += 1
        for name, offset in found:
            if offset != 0:
                plain = subprocess.run(["c++filt", name], capture_output=True, text=True).stdout
                print(f"frames.py: {plain.strip()}: gcc 12 broke its frame: name what it awaits "
                      "in a condition on the line before")
                bad += 1
        print(f"frames.py: {binary}: {len(found)} coroutines")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
