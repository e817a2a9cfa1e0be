"""The completions offer the commands, the flags and the values of --help, no more and no less. bash and fish really complete;
zsh does so only at a terminal, so it checks the syntax, and the specifications are read as text."""

import os
import re
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

from programs import COMMANDS, MYNAH, MYNAHD, ROOT, flags_of, help_text

PATIENCE = 60  # seconds
FILES = ["report one.json", "report_two.json"]

_BASH = r"""
source "$1"
function=$2
shift 2
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
compopt() { :; }  # it works only while bash itself completes
"$function"
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
"""


def file_of(program, shell):
    return ROOT / {"mynah": "client", "mynahd": "server"}[program] / "completions" / f"{program}.{shell}"


class Shells:
    """What each shell offers for the last of the words."""

    def __init__(self, folder):
        self.folder = folder

    def _run(self, *arguments):
        environment = {**os.environ, "HOME": self.folder, "XDG_CONFIG_HOME": self.folder, "XDG_DATA_HOME": self.folder}
        return subprocess.run(
            arguments,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            timeout=PATIENCE,
            check=True,
        ).stdout.splitlines()

    def bash(self, *words):
        return self._run("bash", "-c", _BASH, "bash", file_of(words[0], "bash"), f"_{words[0]}", *words)

    def fish(self, *words):
        line = " ".join(words)
        source = f"complete -e {words[0]}; source {file_of(words[0], 'fish')}; complete -C '{line}'"
        return [one.split("\t")[0] for one in self._run("fish", "--no-config", "-c", source)]


class Completion(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name in FILES:
            (Path(folder.name) / name).touch()
        shells = Shells(folder.name)
        self.shells = {"bash": shells.bash, "fish": shells.fish}

    def check(self, words, expected, only=None):
        for shell, complete in self.shells.items():
            with self.subTest(shell=shell, words=words):
                offered = {one.rstrip("=") for one in complete(*words)}
                self.assertEqual({one for one in offered if only is None or one.startswith(only)}, set(expected))

    def test_commands(self):
        for shell, complete in self.shells.items():
            with self.subTest(shell):
                offered = set(complete("mynah", ""))
                self.assertEqual({one for one in offered if not one.startswith("-")}, set(COMMANDS))

    def test_flags_of_mynah(self):
        self.check(["mynah", "--"], flags_of(MYNAH), "--")
        for command in COMMANDS:
            self.check(["mynah", command, "--"], flags_of(MYNAH, command), "--")

    def test_flags_of_mynahd(self):
        self.check(["mynahd", "--"], flags_of(MYNAHD), "--")

    def test_values(self):
        for program, command, flags in [
            ("mynah", ["load"], flags_of(MYNAH, "load")),
            ("mynahd", [], flags_of(MYNAHD)),
        ]:
            some = {name: flag.values() for name, flag in flags.items() if flag.values()}
            if program == "mynahd":
                some["--log-level"] = re.split(r", | or ", flags["--log-level"].text)
                kinds = re.search(r"kinds: (.*?)\. Keys:", " ".join(help_text(MYNAHD).split())).group(1)
                some["--fault"] = set(re.findall(r"\w+", kinds)) - {"over", "UDP"} | {"off"}
            self.assertIn("--driver", some)
            for name, values in some.items():
                self.check([program, *command, name, ""], values)

    def test_files(self):
        for words in (["mynah", "load", "--json"], ["mynah", "watch", "--html"], ["mynahd", "--config"]):
            for shell, complete in self.shells.items():
                with self.subTest(shell=shell, words=words):
                    offered = [one.replace("\\", "") for one in complete(*words, "rep")]
                    self.assertEqual(sorted(offered), FILES)

    def test_bash_completes_behind_an_equals_sign(self):
        self.assertEqual(self.shells["bash"]("mynah", "load", "--driver", "=", "ep"), ["epoll"])
        self.assertEqual(self.shells["bash"]("mynahd", "--log-format", "="), ["text", "json"])

    def test_nothing_is_offered_for_a_number(self):
        for shell, complete in self.shells.items():
            with self.subTest(shell):
                self.assertEqual(complete("mynah", "load", "--rate", ""), [])

    def test_zsh(self):
        for program in ("mynah", "mynahd"):
            subprocess.run(["zsh", "-f", "-n", file_of(program, "zsh")], check=True, timeout=PATIENCE)
        self.check_zsh(file_of("mynahd", "zsh").read_text(), flags_of(MYNAHD))
        text = file_of("mynah", "zsh").read_text()
        self.assertEqual(re.findall(r"^        '(\w+):", text, re.MULTILINE), COMMANDS)
        for command in COMMANDS:
            begin = text.index(f"        {command})\n")
            self.check_zsh(text[begin : text.index(";;", begin)], flags_of(MYNAH, command))

    def check_zsh(self, text, flags):
        specifications = {}
        for line in text.split("\n"):
            if match := re.search(r"(?:(-\w)\+?,)?(--[\w-]+)=?\}?'?\[", line):
                specifications[match.group(2)] = (match.group(1) or "", re.findall(r":\(([\w ]+)\)'", line))
        self.assertEqual({name: short for name, (short, _) in specifications.items()},
                         {name: flag.short for name, flag in flags.items()})
        for name, flag in flags.items():
            if flag.values():
                self.assertEqual(specifications[name][1], [" ".join(flag.values())], name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
