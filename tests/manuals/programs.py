"""What the tests of this folder share: the two programs, what their --help says, and the pages."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MYNAH, MYNAHD = sys.argv[1:3]
COMMANDS = ["send", "chat", "ping", "load", "watch", "compare"]
PAGES = sorted(ROOT.glob("*/man/*.[1-8]"))

_FLAG = re.compile(r"^ {2,6}(?:(-\w), )?(--[\w-]+)(?: (\S+))?(?:  +(.*))?$")


class Flag:
    """One flag: its short name or "", its placeholder or "", its text, and the default in brackets or ""."""

    def __init__(self, short, placeholder, text):
        self.short = short or ""
        self.placeholder = placeholder or ""
        # " [" begins a default only at the very end: "[::]" stands in texts.
        self.text, _, self.default = text[:-1].rpartition(" [") if text.endswith("]") else (text, "", "")

    def values(self):
        """The words that it takes, where they can be listed."""
        for words in (re.split(r"\|", self.placeholder), re.split(r", | or ", self.text.rpartition(": ")[2])):
            if len(words) > 1 and all(re.fullmatch(r"[a-z_]+", word) for word in words):
                return words
        return []


def help_text(*words):
    done = subprocess.run([*words, "--help"], capture_output=True, text=True, check=True, timeout=60)
    return done.stdout


def section(text, title):
    """The lines below the one that begins with `title`, up to an empty line."""
    lines = text.split("\n")
    first = next(i for i, line in enumerate(lines) if line.startswith(title)) + 1
    return lines[first : lines.index("", first)]


def flags_of(*words):
    """{"--flag": Flag} of a program, or of one of its commands."""
    found = {}
    name = ""
    for line in section(help_text(*words), "flags"):
        match = _FLAG.match(line)
        if match:
            name = match.group(2)
            found[name] = [match.group(1), match.group(3), match.group(4) or ""]
        else:
            found[name][2] += " " + line.strip()
    return {name: Flag(*parts) for name, parts in found.items()}
