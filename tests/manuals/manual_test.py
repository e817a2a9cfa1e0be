"""The manuals against --help, against config/mynahd.toml, and against mandoc."""

import re
import subprocess
import sys
import unittest

from programs import COMMANDS, MYNAH, MYNAHD, PAGES, ROOT, flags_of, help_text, section

MYNAH_PAGE = ROOT / "client/man/mynah.1"
MYNAHD_PAGE = ROOT / "server/man/mynahd.8"
TOML_PAGE = ROOT / "server/man/mynahd.toml.5"


def items(page, macro):
    """(what stands behind ".It MACRO", the lines of the item) for each such item."""
    lines = page.split("\n")
    for i, line in enumerate(lines):
        if line.startswith(f".It {macro}"):
            depth = 0
            body = []
            for inner in lines[i + 1 :]:
                depth += inner.startswith(".Bl") - inner.startswith(".El")
                if depth < 0 or (depth == 0 and inner.startswith(".It")):
                    break
                body.append(inner)
            yield line.removeprefix(f".It {macro}").strip(), body


def flags_in(page):
    """{"--flag": (short, placeholder, default)}, as the page has them."""
    found = {}
    for head, body in items(page, "Fl"):
        match = re.fullmatch(r"(?:(\w) , Fl )?-([\w-]+)(?: Ar (\S+))?", head)
        assert match, f"an unusual flag: {head}"
        default = next((line for line in body if line.startswith("Default: ")), "Default: .")
        found["--" + match.group(2)] = (
            "-" + match.group(1) if match.group(1) else "",
            match.group(3) or "",
            default.removeprefix("Default: ").removesuffix("."),
        )
    return found


def flags_of_help(*words):
    return {name: (flag.short, flag.placeholder, flag.default) for name, flag in flags_of(*words).items()}


def statuses_in(page):
    return [head for head, _ in items(page, "") if re.fullmatch(r"\d", head)]


def statuses_of_help(*words):
    text = help_text(*words) + "\n"
    return [line[2] for line in section(text, "exit status:") if re.match(r"  \d  ", line)]


def part(page, title):
    """From the line `title` to the next of its kind."""
    macro = title.split(" ")[0]
    begin = page.index(title + "\n") + len(title)
    ends = [page.find(f"\n{other} ", begin) for other in {macro, ".Sh"}]
    return page[begin : min((end for end in ends if end >= 0), default=len(page))]


class Manual(unittest.TestCase):
    maxDiff = None

    def test_each_command_has_the_flags_of_its_help(self):
        page = MYNAH_PAGE.read_text()
        for command in COMMANDS:
            with self.subTest(command):
                self.assertEqual(flags_in(part(page, f".Ss mynah {command}")), flags_of_help(MYNAH, command))

    def test_each_command_has_the_exit_statuses_of_its_help(self):
        page = MYNAH_PAGE.read_text()
        for command in COMMANDS:
            with self.subTest(command):
                self.assertEqual(statuses_in(part(page, f".Ss mynah {command}")), statuses_of_help(MYNAH, command))

    def test_the_page_has_every_command(self):
        listed = re.findall(r"^  mynah (\w+) ", help_text(MYNAH), re.MULTILINE)
        self.assertEqual(set(listed), set(COMMANDS))
        self.assertEqual(set(re.findall(r"^\.Ss mynah (\w+)$", MYNAH_PAGE.read_text(), re.MULTILINE)), set(COMMANDS))

    def test_mynah_has_the_flags_and_exit_statuses_of_its_help(self):
        page = MYNAH_PAGE.read_text()
        self.assertEqual(flags_in(part(page, ".Sh DESCRIPTION")), flags_of_help(MYNAH))
        self.assertEqual(statuses_in(part(page, ".Sh EXIT STATUS")), statuses_of_help(MYNAH))

    def test_mynahd_has_the_flags_and_exit_statuses_of_its_help(self):
        page = MYNAHD_PAGE.read_text()
        self.assertEqual(flags_in(page), flags_of_help(MYNAHD))
        self.assertEqual(statuses_in(page), statuses_of_help(MYNAHD))

    def test_the_configuration_has_the_keys_defaults_variables_and_flags_of_the_file(self):
        expected = {}
        table = ""
        names = set()
        for line in (ROOT / "config/mynahd.toml").read_text().split("\n"):
            if match := re.fullmatch(r"\[(\w+)\]", line):
                table = match.group(1) + "."
            elif match := re.fullmatch(r"(\w+) = (.*)", line):
                expected[table + match.group(1)] = match.group(2)
            names.update(re.findall(r"MYNAHD_\w+", line) if "_..." not in line else [])
        page = TOML_PAGE.read_text()
        found = {}
        flags = flags_of(MYNAHD)
        variables = []
        for head, body in items(page, "Ic"):
            if " = " not in head:
                continue
            name, value = head.split(" = ", 1)
            found[name] = value.replace("\\(dq", '"')
            text = "\n".join(body)
            variable = re.findall(r"^\.Ev (MYNAHD_\w+)", text, re.MULTILINE)
            flag = re.findall(r"^\.Fl -([\w-]+)", text[text.index("Flag:") :], re.MULTILINE)
            self.assertEqual(variable, ["MYNAHD_" + flag[0].upper().replace("-", "_")], name)
            self.assertIn("--" + flag[0], flags, name)
            variables += variable
        self.assertEqual(found, expected)
        self.assertEqual(set(variables), names - {"MYNAHD_"})
        self.assertEqual(len(variables), len(set(variables)), "two keys claim one variable")

    def test_the_kinds_and_keys_of_faults_are_those_of_the_help(self):
        text = " ".join(help_text(MYNAHD).split())
        kinds = set(re.findall(r"\w+", re.search(r"kinds: (.*?)\. Keys:", text).group(1))) - {"over", "UDP"}
        faults = part(TOML_PAGE.read_text(), ".Sh FAULTS")
        self.assertEqual({head for head, _ in items(faults, "Cm")}, kinds)
        keys = re.search(r"Keys: one of (.*?)\. Each", text).group(1)
        keys = set(re.findall(r"\w+(?==)|\w+", re.sub(r"\(.*?\)|=\S+| for refuse|one of", "", keys)))
        self.assertEqual({head for head, _ in items(faults, "Ic")}, keys | {"kind"})

    def test_mandoc_has_nothing_to_say(self):
        for page in PAGES:
            with self.subTest(page.name):
                lint = subprocess.run(["mandoc", "-T", "lint", page], capture_output=True, text=True, timeout=60)
                # Which other manuals this machine has is not the page's affair; of ours the next test knows.
                said = [line for line in lint.stdout.split("\n") if line and "referenced manual not found" not in line]
                self.assertEqual(said, [])

    def test_each_reference_to_a_page_of_ours_leads_somewhere(self):
        ours = {page.name for page in PAGES}
        self.assertEqual(ours, {"mynah.1", "mynah-json.5", "mynahd.8", "mynahd.toml.5"})
        for page in PAGES:
            for name, number in re.findall(r"^\.Xr (mynah\S*) (\d)", page.read_text(), re.MULTILINE):
                self.assertIn(f"{name}.{number}", ours, page.name)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
