"""A model in llama.cpp that nobody asked anything is let go like any other: its end waits for nothing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from core.write import gguf_file
from tests.write import drafted

pytest.importorskip("xllamacpp", reason="xllamacpp is not installed (requirements-write.lock)")

LOADING = """
import sys
from pathlib import Path
from core.write import language, llama
from core.write.wording import Wording
model, file = Path(sys.argv[1]), Path(sys.argv[2])
words = Wording(**{name: value for name, value in vars(language.load(model)).items() if name != "model"})
for _ in range(60):
    llama.llama(file, words)
print("let go")
"""


def test_a_model_that_is_never_asked_is_let_go_at_once(tmp_path):
    model = drafted.learned(tmp_path)
    file = gguf_file.write(model, tmp_path / "model.gguf")
    line = [sys.executable, "-c", LOADING, str(model), str(file)]
    told = subprocess.run(line, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=240)
    assert told.stdout.strip() == "let go", told.stderr
