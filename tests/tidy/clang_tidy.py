#!/usr/bin/env python3
"""clang_tidy.py BUILD CACHE [--fix]: clang-tidy over every source of BUILD/compile_commands.json, one for each core at a
time. With --fix it repairs what it can (missing includes above all) instead of only telling.

A source is looked at again only when it, a header of ours that it reaches, its command, .clang-tidy or the installed
packages have changed: CACHE holds an empty file named for the digest of all those, for each source found clean. Several
trees may share it.
"""

import concurrent.futures
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

CLANG_TIDY = "clang-tidy-19"
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"]+)"', re.MULTILINE)


def reached(root, source):
    """The source and the headers of ours that it includes, directly or not."""
    seen = set()
    waiting = [source]
    while waiting:
        path = waiting.pop()
        if path in seen or not path.is_file():
            continue
        seen.add(path)
        waiting += [root / name for name in _INCLUDE.findall(path.read_text(encoding="utf-8"))]
    return sorted(seen)


def digest(root, entry, common):
    whole = hashlib.sha256(common)
    whole.update(entry["command"].replace(str(root), "").encode())
    for path in reached(root, Path(entry["file"])):
        whole.update(str(path.relative_to(root)).encode() + b"\0" + path.read_bytes())
    return whole.hexdigest()


def what_all_share(root):
    """What makes every earlier result worthless when it changes."""
    settings = b"".join(path.read_bytes() for path in sorted(root.glob("**/.clang-tidy")) if "build" not in path.parts)
    packages = [
        line.split("#")[0].strip() for line in (root / "config/packages.txt").read_text(encoding="utf-8").splitlines()
    ]
    versions = subprocess.run(
        ["dpkg-query", "-W", *filter(None, packages)], capture_output=True, check=False
    ).stdout
    return settings + versions


def examine(build, entry, fix):
    command = [CLANG_TIDY, "--quiet", "-p", str(build), entry["file"]]
    if fix:  # each run repairs its own source only: two of them must not edit one header
        command += ["--fix", "--header-filter=^$"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def _errors(text):
    """Without the count of warnings that the system's headers would give."""
    return "".join(line for line in text.splitlines(keepends=True) if not re.match(r"\d+ warnings? ", line))


def main():
    build, cache = (Path(argument).resolve() for argument in sys.argv[1:3])
    fix = "--fix" in sys.argv[3:]
    root = Path.cwd()
    cache.mkdir(parents=True, exist_ok=True)
    common = what_all_share(root)
    entries = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    entries = [entry for entry in entries if Path(entry["file"]).is_relative_to(root) and entry["file"].endswith(".cpp")]
    digests = {entry["file"]: digest(root, entry, common) for entry in entries}
    waiting = [entry for entry in entries if not (cache / digests[entry["file"]]).exists()]
    print(f"clang-tidy: {len(waiting)} of {len(entries)} sources are new or changed", file=sys.stderr)

    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        running = {pool.submit(examine, build, entry, fix): entry for entry in waiting}
        for done in concurrent.futures.as_completed(running):
            result = done.result()
            file = running[done]["file"]
            if result.returncode == 0 and not fix:
                (cache / digests[file]).touch()
            elif result.returncode != 0:
                failed += 1
                print(result.stdout + _errors(result.stderr), end="", flush=True)
    if failed:
        print(f"clang-tidy: {failed} sources have findings", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
