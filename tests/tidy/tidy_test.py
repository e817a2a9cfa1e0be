#!/usr/bin/env python3
"""Each violation is planted in a tree that is clean otherwise, and must be caught where it stands."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.dont_write_bytecode = True  # the tree holds sources only

import tidy  # noqa: E402

CLEAN = {
    "CMakeLists.txt": "project(sample)\n",
    "conc/conc.hpp": '// conc.hpp -- everything.\n#pragma once\n#include "conc/channel.hpp"  // IWYU pragma: export\n',
    "conc/channel.hpp": "// channel.hpp -- typed FIFO between tasks.\n//     auto v = co_await ch.recv();\n#pragma once\n",
    "conc/internal/atomic.hpp": "#pragma once\n#include <atomic>\ntemplate <class T>\nusing Atomic = std::atomic<T>;\n",
    "conc/internal/ring.hpp": "#pragma once\n",
    "net/stream.hpp": '// stream.hpp -- a connection.\n#pragma once\n#include "conc/conc.hpp"\n',
    "server/main.cpp": '#include "net/stream.hpp"\n\nint main() {\n    return 0;\n}\n',
    "client/main.cpp": '#include "net/stream.hpp"\n\nint main() {\n    return 0;\n}\n',
    "tests/conc/ring_test.cpp": '#include "conc/internal/ring.hpp"\n',
}


def violations(files=None):
    """What tidy finds in the clean tree with `files` (path -> text) laid over it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        for name, text in {**CLEAN, **(files or {})}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return tidy.check(root)


class TidyTest(unittest.TestCase):
    maxDiff = None

    def caught(self, path, text, line, message):
        found = violations({path: text})
        self.assertEqual([(file, at) for file, at, _ in found], [(path, line)], found)
        self.assertIn(message, found[0][2])

    def passes(self, path, text):
        self.assertEqual(violations({path: text}), [])

    def test_a_clean_tree_is_clean(self):
        self.assertEqual(violations(), [])

    # --- sizes

    def test_a_file_of_501_lines(self):
        self.passes("conc/big.cpp", "int a;\n" * 500)
        self.caught("conc/big.cpp", "int a;\n" * 501, 501, "501 lines")

    def test_a_function_of_71_lines(self):
        body = "    step();\n"
        self.passes("net/long.cpp", "\nvoid work(int n) {\n" + body * 68 + "}\n")
        self.caught("net/long.cpp", "\nvoid work(int n) {\n" + body * 69 + "}\n", 2, "work has 71 lines")

    def test_a_long_function_in_any_scope_or_shape(self):
        body = "        if (x) {\n            step();\n        }\n" * 25
        for head, tail in (
            ("namespace a {\nnamespace {\nclass B : public C<int> {\n  public:\n", "};\n}\n}\n"),
            ("template <class T>\nstruct [[nodiscard]] B {\n", "};\n"),
            ('extern "C" {\n', "}\n"),
            ("class CAPABILITY(\"mutex\") B {\n    int a_{0};\n", "};\n"),
        ):
            with self.subTest(head):
                text = head + "    void work() const noexcept {\n" + body + "    }\n" + tail
                self.caught("net/long.cpp", text, head.count("\n") + 1, "work has 77 lines")
        for head in (
            "Ring::Ring(int n) : n_{n}, m_(n) {\n",
            "TEST(Ring, Grows) {\n",
            "auto sum(int a) -> int {\n",
            "struct stat look(int fd) {\n",
            "template <class T>\n    requires Small<T>\nvoid work(T t) {\n",
        ):
            with self.subTest(head):
                self.caught("net/long.cpp", head + body + "}\n", 1, "lines")

    def test_a_long_class_or_table_is_no_function(self):
        self.passes("net/wide.cpp", "class Wide {\n" + "    void f() { g(); }\n" * 80 + "};\n")
        self.passes("net/wide.cpp", "const int kTable[] = {\n" + "    f(1),\n" * 80 + "};\n")

    # --- includes

    def test_includes_against_the_direction(self):
        for path, included in (
            ("conc/a.cpp", "net/stream.hpp"),
            ("net/a.cpp", "server/a.hpp"),
            ("server/b.cpp", "client/a.hpp"),
            ("client/b.cpp", "server/a.hpp"),
            ("tests/conc/a.cpp", "net/stream.hpp"),
        ):
            with self.subTest(path):
                headers = {"server/a.hpp": "#pragma once\n", "client/a.hpp": "#pragma once\n"}
                found = violations({**headers, path: f'\n#include "{included}"\n'})
                self.assertEqual([(file, line) for file, line, _ in found], [(path, 2)])
                self.assertIn("must not include", found[0][2])

    def test_another_rooms_internal_header(self):
        self.caught("server/a.cpp", '#include "conc/internal/ring.hpp"\n', 1, "private to conc")
        self.caught("net/a.cpp", '#include "conc/internal/ring.hpp"\n', 1, "private to conc")

    def test_an_internal_header_that_net_may_see(self):
        self.passes("net/a.cpp", '#include "conc/internal/atomic.hpp"\n')

    def test_includes_that_do_not_start_at_the_root(self):
        self.caught("conc/a.cpp", '#include "channel.hpp"\n', 1, "start at the root")

    def test_an_include_of_nothing(self):
        self.caught("conc/a.cpp", '#include "conc/gone.hpp"\n', 1, "does not exist")

    def test_an_include_in_a_comment(self):
        self.passes("conc/a.cpp", '/* as in\n#include "server/a.hpp"\n*/\n')

    # --- leftovers

    def test_markers(self):
        for marker in ("TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"):
            with self.subTest(marker):
                self.caught("conc/a.cpp", f"int a;\n// {marker}: later\n", 2, marker)
                self.caught("config/cmake/a.cmake", f"# {marker}\n", 1, marker)
        self.passes("conc/a.cpp", 'const char* name = "/tmp/mynah.' + "X" * 6 + '";\n')

    def test_tests_that_do_not_run(self):
        self.caught("tests/conc/a.cpp", "TEST(A, DISABLED" + "_B) {}\n", 1, "does not run")
        self.caught("tests/conc/a.cpp", "TEST(A, B) { GTEST" + "_SKIP(); }\n", 1, "does not run")

    def test_commented_out_code(self):
        for comment in (
            "close(fd);",
            "auto n = recv(fd, buffer, 3);",
            "n_ += 2;",
            "return first;",
            "co_await ch.send(1);",
            "if (a < b) {",
            "}",
            "#include <map>",
        ):
            with self.subTest(comment):
                self.caught("conc/a.cpp", f"int a;\n// {comment}\n", 2, "commented-out")

    def test_comments_that_only_talk_about_code(self):
        for comment in (
            "The caller closes it, as recv() does;",
            "Each sender waits (see recv);",
            "if the peer goes away, send() says so",
            "    auto v = co_await ch.recv();",
            "x = 1 means that it is taken",
        ):
            with self.subTest(comment):
                self.passes("conc/a.cpp", f"// {comment}\n")

    # --- rooms

    def test_logging_in_conc_and_net(self):
        self.caught("conc/a.cpp", "#include <iostream>\n", 1, "never log")
        self.caught("net/a.cpp", "#include <spdlog/spdlog.h>\n", 1, "never log")
        self.passes("server/a.cpp", "#include <spdlog/spdlog.h>\n")
        self.passes("conc/dump.cpp", "#include <iostream>\n")

    def test_a_condition_variable_in_conc(self):
        self.caught("conc/a.cpp", "std::condition_variable_any ready;\n", 1, "futex")
        self.passes("conc/a.cpp", "// Not a std::condition_variable: glibc bug 25847.\n")

    def test_an_atomic_outside_the_alias_header(self):
        self.caught("conc/a.cpp", "std::atomic<int> a;\n", 1, "atomic.hpp")
        self.caught("conc/a.cpp", "#include <atomic>\n", 1, "atomic.hpp")
        self.passes("net/a.cpp", "std::atomic<int> a;\n")

    # --- compilers

    def test_an_awaited_condition(self):
        for statement in (
            "if (co_await ready()) {",
            "if (!co_await ready()) {",
            "while (co_await next()) {",
            "switch (co_await which()) {",
            "if (co_await count() == 3) {",
            "if ((co_await ch.recv()).has_value()) {",
            "if (int n = 0; co_await ready()) {",
        ):
            with self.subTest(statement):
                self.caught("conc/a.cpp", f"\nvoid f() {{\n    {statement}\n    }}\n}}\n", 3, "GCC 12")

    def test_an_awaited_declaration_in_a_condition(self):
        for statement in (
            "while (auto v = co_await ch.recv()) {",
            "if (const auto v = co_await ch.recv(); v) {",
            "if (std::optional<int> v = co_await ch.recv()) {",
            "if (auto [a, b] = co_await both(); a) {",
            "if (ready) { // as if (co_await ready())",
        ):
            with self.subTest(statement):
                self.passes("conc/a.cpp", f"void f() {{\n    {statement}\n    }}\n}}\n")

    def test_a_capturing_lambda_or_an_aggregate_in_an_await_expression(self):
        for statement in (
            "co_await ch.send({.a = text});",
            "const auto n = co_await ch.send(Item{ .a = text, .b = 2 });",
            "co_await f(g(Item{.a = text}));",
            "co_await run([x] { return x; });",
            "auto v = co_await once.run(1, [&]() { return 2; });",
            "co_await g(Options{.f = [this] {}});",
            "co_return f(co_await run([&x] {}));",
        ):
            with self.subTest(statement):
                self.caught("conc/a.cpp", f"void f() {{\n    {statement}\n}}\n", 2, "GCC 12")

    def test_lambdas_that_gcc_compiles(self):
        for statement in (
            "co_await run([] { return 1; });",
            "co_await run(table[x], a);",
            "co_await run(Item(1)); Item i{.a = text};",
            "go([x]() -> Task<void> { co_await f(x); });",
            "co_await a; auto g = [x] { return x; };",
            "co_await run([]() { return std::invoke([y = 1] { return y; }); });",
        ):
            with self.subTest(statement):
                self.passes("conc/a.cpp", f"void f() {{\n    {statement}\n}}\n")

    # --- comments

    def test_a_comment_of_121_columns(self):
        self.passes("conc/a.cpp", "    // " + "a" * 113 + "\n")
        self.caught("conc/a.cpp", "\n    // " + "a" * 114 + "\n", 2, "121 columns")

    # --- headers and the root

    def test_a_public_header_without_its_contract(self):
        self.caught("conc/once.hpp", "#pragma once\n", 1, "contract")
        self.caught("net/once.hpp", "// twice.hpp -- something else.\n#pragma once\n", 1, "contract")
        self.passes("server/once.hpp", "#pragma once\n")
        self.passes("net/internal/once.hpp", "#pragma once\n")

    def test_a_header_without_pragma_once(self):
        self.caught("server/a.hpp", "#ifndef A\n#define A\n#endif\n", 1, "#pragma once")

    def test_a_stray_file_or_folder_in_the_root(self):
        for path in ("notes.txt", "docs/page.md"):
            with self.subTest(path):
                found = violations({path: "\n"})
                self.assertEqual([(name, line) for name, line, _ in found], [(path.split("/")[0], 1)])
        self.assertEqual(violations({".editorconfig": "\n"}), [])


if __name__ == "__main__":
    unittest.main()
