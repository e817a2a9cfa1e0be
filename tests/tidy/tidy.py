#!/usr/bin/env python3
"""tidy.py ROOT: checks the tree against the rules of CONTRIBUTING.md. Prints file:line: message; exit 1 when there are any."""

import shutil
import subprocess
import sys
from pathlib import Path

sys.dont_write_bytecode = True  # the tree holds sources only

import rules  # noqa: E402

NOT_OURS = {"build", ".git", ".cache", "__pycache__", "compile_commands.json"}


def tracked_files(root):
    """What git knows or would add; in a tree without git, everything but build output. Relative, with slashes."""
    listing = None
    if (root / ".git").exists() and shutil.which("git"):
        command = ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        listing = subprocess.run(command, capture_output=True, check=False)
    if listing is not None and listing.returncode == 0:
        names = {name.decode() for name in listing.stdout.split(b"\0") if name}
        return sorted(name for name in names if (root / name).is_file())
    return sorted(
        path.relative_to(root).as_posix()
        for path in root.rglob("*")
        if path.is_file() and not NOT_OURS.intersection(path.relative_to(root).parts)
    )


def check(root):
    """(file, line, message) for everything that breaks a rule."""
    paths = tracked_files(root)
    found = list(rules.top_level(paths))
    for path in paths:
        wanted = rules.rules_for(path)
        if not wanted:
            continue
        text = (root / path).read_text(encoding="utf-8")
        for rule in wanted:
            found += ((path, line, message) for line, message in rule(path, text))
        if rules.include_direction in wanted:
            known = rules.includes_exist(path, text, lambda name: (root / name).is_file())
            found += ((path, line, message) for line, message in known)
    return sorted(found)


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    found = check(root)
    for path, line, message in found:
        print(f"{path}:{line}: {message}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
