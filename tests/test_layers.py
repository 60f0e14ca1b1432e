"""The rules of the house that tools can check: imports go one way, and ruff has nothing to say."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_imports_go_one_way():
    line = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    checked = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_ruff_has_nothing_to_say():
    for command in (["check"], ["format", "--check"]):
        line = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        checked = subprocess.run(line, cwd=ROOT, capture_output=True, text=True)
        assert checked.returncode == 0, checked.stdout + checked.stderr


def test_code_that_comes_with_weights_is_never_run():
    calls = [
        node
        for file in Path(ROOT / "core").rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "from_pretrained"
    ]
    said = [{word.arg: ast.unparse(word.value) for word in call.keywords} for call in calls]
    assert calls and all(words.get("trust_remote_code") == "False" for words in said)
