"""The rules of CONTRIBUTING.md that a program can check. Each yields (line, message) for one file."""

import re
from pathlib import PurePosixPath

import functions
import source

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70

TOP_LEVEL = {
    "conc", "net", "server", "client", "tests", "config",
    "CMakeLists.txt", "CMakePresets.json", "README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE",
    "dev",
}  # fmt: skip

# Which rooms each room may include.
ROOMS = {
    "conc": {"conc"},
    "net": {"net", "conc"},
    "server": {"server", "net", "conc"},
    "client": {"client", "net", "conc"},
    "tests/support": {"tests/support", "conc", "net"},
    "tests/conc": {"tests/conc", "tests/support", "conc"},
    "tests/net": {"tests/net", "tests/support", "net", "conc"},
    "tests/server": {"tests/server", "tests/support", "server", "net", "conc"},
    "tests/client": {"tests/client", "tests/support", "client", "net", "conc"},
    "tests/integration": {"tests/integration", "tests/support", "net", "conc"},
    "tests/bench": {"tests/bench", "tests/integration", "tests/support", "server", "client", "net", "conc"},
    "tests/fuzz": {"tests/fuzz", "tests/support", "server", "client", "net", "conc"},
    "tests/install": {"net", "conc"},
}

# Internal headers that another room may include: (who, what) -> why.
INTERNAL_ALLOWED = {
    ("server", "conc/internal/random.hpp"): "faults are drawn from it, as it is small and repeats everywhere",
    ("net", "conc/internal/promise.hpp"): "its awaiter parks through the promise, so that dumps show what it waits on",
    ("net", "conc/internal/scheduler_core.hpp"): "a driver resumes no task once the workers have stopped",
    ("net", "conc/internal/task_record.hpp"): "an Operation names the task that it wakes",
    ("net", "conc/internal/worker.hpp"): "a driver belongs to a worker",
    ("net", "conc/internal/context_state.hpp"): "an operation ends when its context does, without a task to watch it",
    ("net", "conc/internal/atomic.hpp"): "a model checker that stands in for atomics must see those of net too",
}

# Files of conc and net that may write to stderr -> why.
STDERR_ALLOWED = {"conc/dump.cpp": "the last words of a program that misuse ends: a panic, a deadlock"}

# Spelt in pieces, so that this file passes its own rule.
_MARKERS = re.compile(r"\b(" + "|".join(("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK")) + r")\b")
_SKIPPED_TEST = re.compile(r"\bDISABLED" + r"_\w|\bGTEST" + r"_SKIP\b")

_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', re.MULTILINE)

# What a comment looks like that was a statement once. Examples in a header's contract stand further in: "//     f();".
_OLD_CODE = re.compile(
    r"""^\ ?(?:
        [\w:.>\-]+\([^;]*\);                          # a call
      | (?:[\w:<>,*&]+\s+)*[\w:.>\-\[\]]+\s*[-+|&]?=\s*[^=;][^;]*;   # an assignment
      | (?:return|co_return|co_await|co_yield|break|continue|throw)\b[^;]*;
      | (?:if|for|while|switch)\s*\(.*\)\s*\{?
      | \}\s*(?:else\s*\{)?[;,]?
      | \#\s*(?:include|define|if|ifdef|endif)\b.*
    )\s*$""",
    re.VERBOSE,
)


def room_of(path):
    parts = PurePosixPath(path).parts
    return "/".join(parts[:2]) if parts[0] == "tests" else parts[0]


def file_size(path, text):
    lines = text.count("\n")
    if lines > MAX_FILE_LINES:
        yield MAX_FILE_LINES + 1, f"{lines} lines: a file is one concept, at most {MAX_FILE_LINES}"


def function_size(path, text):
    for name, first, lines in functions.functions(source.code_only(text)):
        if lines > MAX_FUNCTION_LINES:
            yield first, f"{name} has {lines} lines: a function fits a screen, {MAX_FUNCTION_LINES} at the very most"


def leftovers(path, text):
    for match in _MARKERS.finditer(text):
        yield source.line_at(text, match.start()), f"leftover: {match.group(0)}"
    for match in _SKIPPED_TEST.finditer(text):
        yield source.line_at(text, match.start()), f"a test that does not run: {match.group(0)}"


def commented_out_code(path, text):
    for line, comment in source.comments(text):
        if _OLD_CODE.match(comment):
            yield line, f"commented-out code: {comment.strip()}"


def include_direction(path, text):
    room = room_of(path)
    allowed = ROOMS.get(room)
    if allowed is None:
        yield 1, f"{room} is no room of this house"
        return
    code = source.without_comments(text)
    for match in _INCLUDE.finditer(code):
        if match.group(1) != '"':
            continue
        line = source.line_at(code, match.start())
        included = match.group(2)
        target = room_of(included)
        if target not in ROOMS:
            yield line, f'"{included}": includes start at the root of the repository'
        elif target not in allowed:
            yield line, f'"{included}": {room} must not include {target}'
        elif "internal" in PurePosixPath(included).parts and not _may_see_internal(room, target, included):
            yield line, f'"{included}" is private to {target}'


def _may_see_internal(room, target, included):
    return room in (target, f"tests/{target}", "tests/support") or (room, included) in INTERNAL_ALLOWED


def includes_exist(path, text, exists):
    code = source.without_comments(text)
    for match in _INCLUDE.finditer(code):
        if match.group(1) == '"' and room_of(match.group(2)) in ROOMS and not exists(match.group(2)):
            yield source.line_at(code, match.start()), f'"{match.group(2)}" does not exist'


def pragma_once(path, text):
    if len(re.findall(r"^#pragma once$", text, re.MULTILINE)) != 1:
        yield 1, "a header says #pragma once, once"


def contract(path, text):
    name = PurePosixPath(path).name
    if not text.startswith(f"// {name} -- "):
        yield 1, f'a public header begins with its contract: "// {name} -- ..."'


def no_logging(path, text):
    if path in STDERR_ALLOWED:
        return
    code = source.without_comments(text)
    for match in re.finditer(r"#\s*include\s*<(iostream|spdlog/[^>]*)>|\bstd::(cout|cerr|clog)\b|\bspdlog::", code):
        yield source.line_at(code, match.start()), f"conc and net never log: {match.group(0)}"


def no_condition_variable(path, text):
    code = source.code_only(text)
    for match in re.finditer(r"\bcondition_variable\w*", code):
        yield source.line_at(code, match.start()), "condition variables can lose a wake-up (glibc bug 25847): park on a futex"


def one_atomic(path, text):
    code = source.code_only(text)
    for match in re.finditer(r"#\s*include\s*<atomic>|\bstd::atomic\w*|\b__atomic_\w+|\b__sync_\w+", code):
        yield source.line_at(code, match.start()), f"{match.group(0)}: atomics come from conc/internal/atomic.hpp"


def awaited_condition(path, text):
    """GCC 12, PR106188: a coroutine that begins with `if (co_await x)` silently never goes on."""
    code = source.code_only(text)
    for match in re.finditer(r"\b(if|switch|while)\s*\(", code):
        opening = match.end() - 1
        condition = code[opening + 1 : source.closing(code, opening)].rsplit(";", 1)[-1]
        declared = re.match(r"\s*(?:const\s+)?[\w:<>,*&\s]+[\s&*][\w\[\],\s]+=(?!=)", condition)
        if re.search(r"\bco_await\b", condition) and not declared:
            yield source.line_at(code, match.start()), (
                f"GCC 12 miscompiles {match.group(1)} (co_await ...): keep the result in a variable first"
            )


def awaited_temporary(path, text):
    """GCC 12, PR101367: a capturing lambda or an aggregate made inside an await expression is destroyed twice."""
    code = source.code_only(text)
    for match in re.finditer(r"\bco_await\b", code):
        offset = match.end()
        while offset < len(code) and code[offset] not in ";)]}":
            offset, found = _skip(code, offset)
            if found is not None:
                yield source.line_at(code, found), (
                    "GCC 12 destroys a capturing lambda or an aggregate inside an await expression twice: name it first"
                )
                break


def comment_width(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > 120 and re.match(r"\s*//", line):
            yield number, f"a comment of {len(line)} columns: 120 are allowed"


def _skip(code, offset):
    """The offset behind what stands at `offset`, and where a capturing lambda or `{.name = value}` in it begins, if one does."""
    character = code[offset]
    if character == "[" and re.search(r"[\w)\]]\s*$", code[:offset][-40:]) is None and code[offset + 1] != "[":
        end = source.closing(code, offset)
        if code[offset + 1 : end].strip():
            return end + 1, offset
        body = re.compile(r"[^{;]*").match(code, end + 1).end()  # what is inside a lambda is another function's
        return (source.closing(code, body) + 1 if code[body : body + 1] == "{" else end + 1), None
    if re.compile(r"\{\s*\.\w+\s*=").match(code, offset):
        return offset + 1, offset
    if character in "([{":
        end = source.closing(code, offset)
        inner = offset + 1
        while inner < end:
            inner, found = _skip(code, inner)
            if found is not None:
                return inner, found
        return end + 1, None
    return offset + 1, None


def top_level(paths):
    for name in sorted({PurePosixPath(path).parts[0] for path in paths}):
        if not name.startswith(".") and name not in TOP_LEVEL:
            yield name, 1, "the root holds the rooms and their papers only"


CODE = (file_size, leftovers)
CPP = (
    function_size,
    commented_out_code,
    comment_width,
    include_direction,
    awaited_condition,
    awaited_temporary,
)


def rules_for(path):
    """The rules that hold for the file at `path`, which is relative to the root."""
    pure = PurePosixPath(path)
    room = pure.parts[0]
    cpp = pure.suffix in (".hpp", ".cpp", ".c")
    code = cpp or pure.suffix in (".py", ".cmake", ".sh", ".in") or pure.name in ("CMakeLists.txt", "dev", "run")
    if not code:
        return ()
    rules = list(CODE)
    if cpp:
        rules += CPP
    if pure.suffix == ".hpp":
        rules.append(pragma_once)
        if room in ("conc", "net") and "internal" not in pure.parts:
            rules.append(contract)
    if cpp and room in ("conc", "net"):
        rules.append(no_logging)
    if cpp and room == "conc":
        rules.append(no_condition_variable)
        if path != "conc/internal/atomic.hpp":
            rules.append(one_atomic)
    return tuple(rules)
