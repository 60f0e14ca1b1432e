"""Requirements and locks: what is imported is pinned, what is pinned is locked, and every lock line has its hashes."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCKS = sorted(file.name for file in ROOT.glob("requirements*.lock"))
OWN = {
    "core",
    "pages",
    "tests",
    "run",
    "app",
    "runtime",
    "rules",
}  # the last two lie in the folders of exported students


def pins(name: str) -> dict[str, set[str]]:
    """The versions that a requirement file or lock gives each package, by the package's canonical name."""
    found: dict[str, set[str]] = {}
    for package, version in re.findall(
        r"^([A-Za-z0-9._-]+)(?:\[.*?\])?==([^\s;]+)", (ROOT / name).read_text(), re.MULTILINE
    ):
        found.setdefault(canonical(package), set()).add(version)
    return found


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def imported(*places: str) -> Iterator[tuple[str, Path]]:
    """Every module from outside, by its first name, that is imported anywhere in these folders and files."""
    for file in (file for place in places for file in [*ROOT.glob(f"{place}/**/*.py"), *ROOT.glob(f"{place}.py")]):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            for name in {name.partition(".")[0] for name in names} - sys.stdlib_module_names - OWN:
                yield name, file


@pytest.mark.parametrize(
    ("places", "files"),
    [
        (
            ("core", "pages", "app", "run"),
            (
                "requirements.txt",
                "requirements-weights.txt",
                "requirements-ray.txt",
                "requirements-write.txt",
                "requirements-images.txt",
            ),
        ),
        (
            ("tests",),
            (
                "requirements.txt",
                "requirements-test.txt",
                "requirements-ray.txt",
                "requirements-write.txt",
                "requirements-images.txt",
            ),
        ),
    ],
)
def test_whatever_is_imported_is_pinned(places, files):
    pinned = {name for file in files for name in pins(file)}
    owners = importlib.metadata.packages_distributions()
    loose = {
        f"{name} ({file.relative_to(ROOT)})"
        for name, file in imported(*places)
        # The measurements beside other people's tools run in an environment of their own.
        if file.name not in ("peers.py", "duckdb_reading.py", "writing_runtimes.py")
        and not {canonical(owner) for owner in owners.get(name, [name])} & pinned
    }
    assert not loose


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_holds_every_pin_of_its_requirements_at_that_version(lock):
    requirements = lock.replace(".lock", ".txt")
    if lock not in ("requirements-cpu.lock", "requirements-gpu.lock"):  # which hold what torch is, or asks for
        asked, locked = pins(requirements), pins(lock)
        assert {name: locked.get(name) for name in asked} == asked


@pytest.mark.parametrize("lock", LOCKS)
def test_every_line_of_a_lock_has_its_hashes_and_nothing_else(lock):
    package = r"[a-z0-9-]+==[^\s;]+(?: ; [^\\\n]+)?"
    hashes = r"(?: \\\n    --hash=sha256:[0-9a-f]{64})+"
    assert re.fullmatch(rf"(?:{package}{hashes}\n)+", (ROOT / lock).read_text())


def test_the_cpu_build_of_torch_is_of_the_version_that_is_asked_for():
    [version] = pins("requirements.txt")["torch"]
    assert pins("requirements-cpu.lock") == {"torch": {f"{version}+cpu"}}


def test_locks_do_not_contradict_each_other():
    base = pins("requirements.lock") | pins("requirements-gpu.lock")
    for lock in LOCKS:
        found = {name: {version.removesuffix("+cpu") for version in versions} for name, versions in pins(lock).items()}
        assert not [name for name in found.keys() & base.keys() if found[name] - base[name]], lock


def test_what_runs_here_is_what_is_locked():
    """Every package that the locked ones need at run time is locked: --no-deps leaves nothing out."""
    locked = pins("requirements.lock") | pins("requirements-gpu.lock")
    missing = set()
    for name in locked:
        try:
            needs = importlib.metadata.requires(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue  # for other systems or Pythons
        for need in map(Requirement, needs):
            if (need.marker is None or need.marker.evaluate({"extra": ""})) and canonical(need.name) not in {
                *locked,
                "pip",
            }:
                missing.add(f"{name} needs {need.name}")
    assert not missing
