"""Parts of this program that go along with an exported student: the functions it needs and nothing else, word for word.

    written = parts([("core.write.drafting", "gated")], under="rules")     # {"drafting.py": "...", "gates.py": "..."}

One truth instead of two: what is carried is read from the modules themselves, statement by statement, from the names asked for on.
"""

from __future__ import annotations

import ast
import importlib.util
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

OURS = "core"


@dataclass(frozen=True)
class Carried:
    """`files`: their text by name; `packages`: what they import that does not come with Python."""

    files: dict[str, str]
    packages: frozenset[str]


@dataclass
class _Module:
    """A module's top level: which statement makes a name, and what it imports, (module, name or None) by the name here."""

    lines: list[str]
    doc: str
    made: dict[str, ast.stmt] = field(default_factory=dict)
    imported: dict[str, tuple[str, str | None]] = field(default_factory=dict)


def parts(wanted: Iterable[tuple[str, str]], under: str) -> Carried:
    """What (module, name) pairs need, a file for each module, in a package called `under`."""
    left, there = list(wanted), set()
    while left:
        one = left.pop()
        if one not in there:
            there.add(one)
            left += [(module, name) for module, name in _needs(*one) if name and _is_ours(module)]
    names: dict[str, set[str]] = {}
    for module, name in there:
        names.setdefault(module, set()).add(name)
    files, packages = {f"{_file(module)}.py": _text(module, some, under) for module, some in names.items()}, set()
    for module, name in there:
        packages |= {other.split(".")[0] for other, _ in _needs(module, name) if not _is_ours(other)}
    return Carried(dict(sorted(files.items())), frozenset(packages - sys.stdlib_module_names))


def _is_ours(module: str) -> bool:
    return module.split(".")[0] == OURS


def _file(module: str) -> str:
    """The file of a module there: core.write.rungs.write is rungs_write, for its last name may be another's, too."""
    return module.removeprefix(f"{OURS}.").removeprefix("write.").replace(".", "_")


@cache
def _read(name: str) -> _Module:
    source = Path(importlib.util.find_spec(name).origin).read_text(encoding="utf-8")
    tree = ast.parse(source)
    module = _Module(source.splitlines(), ast.get_docstring(tree, clean=False) or "")
    for statement in tree.body:
        for made in _made(statement):
            module.made.setdefault(made, statement)
        module.imported |= _imported(statement)
    return module


def _made(statement: ast.stmt) -> list[str]:
    if isinstance(statement, (ast.FunctionDef, ast.ClassDef)):
        return [statement.name]
    targets = getattr(statement, "targets", None) or [getattr(statement, "target", None)]
    return [one.id for target in targets if target for one in ast.walk(target) if isinstance(one, ast.Name)]


def _imported(statement: ast.AST) -> dict[str, tuple[str, str | None]]:
    """What an import binds: a module of ours by (module, None), a name by (module, name)."""
    if isinstance(statement, ast.Import):
        return {one.asname or one.name.split(".")[0]: (one.name, None) for one in statement.names}
    if not isinstance(statement, ast.ImportFrom) or statement.module == "__future__":
        return {}
    found = {}
    for one in statement.names:
        inside = f"{statement.module}.{one.name}"
        is_module = _is_ours(inside) and _module_there(inside)
        found[one.asname or one.name] = (inside, None) if is_module else (statement.module, one.name)
    return found


def _module_there(name: str) -> bool:
    try:
        return importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:  # its parent is no package
        return False


@cache
def _needs(module: str, name: str) -> frozenset[tuple[str, str | None]]:
    """The (module, name) pairs that a name of a module is made of, and the (module, None) it imports whole."""
    read = _read(module)
    if name not in read.made:
        raise ValueError(f"{module} has no {name}, which an exported student needs.")
    found = set()
    for node in _walk(read.made[name]):
        if isinstance(node, (ast.Import, ast.ImportFrom)):  # within a function
            found |= set(_imported(node).values())
        elif isinstance(node, ast.Name):
            found |= {(module, node.id)} if node.id in read.made else {read.imported.get(node.id, (module, None))}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            whole = read.imported.get(node.value.id)
            found |= {(whole[0], node.attr)} if whole and whole[1] is None and _is_ours(whole[0]) else set()
    return frozenset(found - {(module, name), (module, None)})


def _walk(node: ast.AST) -> Iterator[ast.AST]:
    """Every node but the annotations of functions, which are never looked at."""
    yield node
    for name, value in ast.iter_fields(node):
        if name == "returns" or (isinstance(node, ast.arg) and name == "annotation"):
            continue
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, ast.AST):
                yield from _walk(one)


def _text(module: str, names: set[str], under: str) -> str:
    """The module's file: its docstring, the imports and the statements that are needed."""
    read = _read(module)
    statements = sorted({id(read.made[name]): read.made[name] for name in names}.values(), key=lambda one: one.lineno)
    used = {node.id for one in statements for node in _walk(one) if isinstance(node, ast.Name)}
    lines = [_import(bound, *what, under) for bound, what in read.imported.items() if bound in used]
    head = f'"""{read.doc}"""\n\nfrom __future__ import annotations\n\n' + "".join(
        f"{line}\n" for line in sorted(lines)
    )
    return head + "".join(_source(read, one) for one in statements)


def _import(bound: str, module: str, name: str | None, under: str) -> str:
    if _is_ours(module):
        line = f"from {under} import {_file(module)}" if name is None else f"from {under}.{_file(module)} import {name}"
        last = _file(module) if name is None else name
    elif name is None and bound == module.split(".")[0]:
        return f"import {module}"
    else:
        line, last = (f"import {module}", module) if name is None else (f"from {module} import {name}", name)
    return line if bound == last else f"{line} as {bound}"


def _source(read: _Module, statement: ast.stmt) -> str:
    """A statement as it stands, with the lines of comment right above it."""
    first = min([statement.lineno, *(one.lineno for one in getattr(statement, "decorator_list", []))]) - 1
    while first and read.lines[first - 1].startswith("#"):
        first -= 1
    gap = "\n\n" if isinstance(statement, (ast.FunctionDef, ast.ClassDef)) else ""
    return gap + "\n".join(read.lines[first : statement.end_lineno]) + "\n"
