"""Finds the functions of a source that clang-format has laid out."""

import re

import source

_PREPROCESSOR = re.compile(r"^[ \t]*#(?:\\\n|[^\n])*", re.MULTILINE)
_PARAMETERS = re.compile(r"[\w>\])]\s*\(")


def _is_scope(header):
    """Whether `header {` opens a namespace, a type or a block of declarations."""
    if not header:
        return False
    head = re.sub(r"\[\[.*?\]\]|alignas\s*\([^)]*\)|\b(MYNAH|GUARDED)_?[A-Z_]*\([^)]*\)", " ", header)
    head = re.sub(r"^(\s*template\s*<.*?>\s*(?=(class|struct|union|requires|enum)\b))", " ", head, flags=re.DOTALL)
    head = re.sub(r"^\s*requires\b.*?(?=\b(class|struct|union)\b)", " ", head, flags=re.DOTALL)
    if re.match(r"\s*(struct|class|enum|union)\s+[\w:]+[\s*&]+[\w:]+\s*\(", head):
        return False  # a function that returns one
    return re.match(r'\s*(((inline|export|typedef|static)\s+)*(namespace|class|struct|union|enum)\b|extern\s*"[^"]*"\s*$)', head) is not None


def _is_function(header):
    return _PARAMETERS.search(header) is not None and not re.search(r"=\s*$", header)


def functions(code):
    """(name, first line, number of lines) of every function that is not inside another; `code` is source.code_only()."""
    code = _PREPROCESSOR.sub(lambda match: re.sub(r"[^\n]", " ", match.group(0)), code)
    begin = 0  # where the declaration that we are in began
    offset = 0
    while offset < len(code):
        character = code[offset]
        if character in ";}":
            begin = offset + 1
        elif character in "([":
            offset = source.closing(code, offset)
        elif character == ":" and code[begin:offset].strip() in ("public", "private", "protected"):
            begin = offset + 1
        elif character == "{":
            header = code[begin:offset]
            if _is_scope(header):
                begin = offset + 1
            else:
                end = source.closing(code, offset)
                rest = code[end + 1 :].lstrip()
                if _is_function(header) and not rest.startswith((",", "{")):  # not a member's initialiser
                    start = begin + len(header) - len(header.lstrip())
                    first = source.line_at(code, start)
                    yield _name(header), first, source.line_at(code, end) - first + 1
                    begin = end + 1
                offset = end
        offset += 1


def _name(header):
    match = re.search(r"([\w:~]+)\s*\(", header)
    name = match.group(1) if match else header.strip()
    if re.fullmatch(r"TEST(_[FP])?|TYPED_TEST(_P)?|BENCHMARK\w*", name):
        return " ".join(header.split())
    return name
