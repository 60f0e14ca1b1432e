"""Our students beside the field, on the same data in the same run: one table.

    python -m tests.bench.field banking77 [pitt_image_ads] [--models ...] [--peers ENVIRONMENT] [--students FOLDER]

Each model is trained and measured in a process of its own, one after the other. SetFit and TRACER run in an environment of
their own, a folder with their packages (`python3 -m venv ENVIRONMENT`, then
`ENVIRONMENT/bin/pip install -r tests/bench/requirements-peers.txt`); without --peers they are left out. Peers train on all
training rows, and so do ours: cross-fitted, they calibrate on the same rows. Handled: at a target of 95 % agreement, certified
by ours on those, by TRACER in its own way; measured on test rows. Our trained students stay in the folder --students, for the
other measurements here. A model that is not done after --minutes is stopped, and its line says so.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from core.evaluate.cascade import certify, effective
from core.train import members, students
from core.weights import source_folder
from tests.bench import peers, public

TARGET = 0.95
OURS = tuple(f"ours: {kind}" for kind in members.ladder())
BARS = (0.85, 0.88, 0.90, 0.92, 0.94, 0.95)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=public.SETS)
    parser.add_argument("--models", default=",".join((*peers.MODELS, *OURS)), help="default: %(default)s")
    parser.add_argument("--peers", type=Path, metavar="ENVIRONMENT")
    parser.add_argument("--students", type=Path, metavar="FOLDER")
    parser.add_argument(
        "--minutes", type=float, default=20, help="the longest one model may take; default: %(default)s"
    )
    parser.add_argument("--one", nargs=2, metavar=("SET", "KIND"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        print(json.dumps(one(*options.one, options.students)))
        return
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.students or Path(scratch) / "students"
        print(
            f"{'data':15}{'model':26}{'agreement':>10}{'train s':>9}{'assets/s':>10}{'one ms':>8}{'p95 ms':>8}{'peak GB':>9}",
            end="",
        )
        print(f"{'handled':>9}{'agrees':>8}")
        for name in options.sets:
            data = write(name, Path(scratch) / f"{name}.json")
            ours = {}
            for model in options.models.split(","):
                found = run(name, model, data, options.peers, folder, options.minutes)
                if found:
                    line(name, model, found)
                    ours |= {model: found} if model in OURS else {}
            auto(ours)


def write(name: str, path: Path) -> Path:
    """The set as the peers read it."""
    data = public.load(name)
    train = data.split.train
    path.write_text(
        json.dumps(
            {
                "train": train.texts,
                "labels": train.answers.tolist(),
                "test": data.texts,
                "encoder": str(source_folder()),
            }
        )
    )
    return path


def run(name: str, model: str, data: Path, environment: Path | None, folder: Path, minutes: float) -> dict | None:
    """The figures of one model in a process of its own; None for a peer whose environment is not given, or that did not end."""
    if model in OURS:
        kind = model.removeprefix("ours: ")
        command = [sys.executable, "-m", "tests.bench.field", name, "--one", name, kind, "--students", str(folder)]
    elif model in peers.ELSEWHERE and environment is None:
        return None
    else:
        python = environment / "bin" / "python" if model in peers.ELSEWHERE else sys.executable
        command = [str(python), str(Path(peers.__file__)), model, str(data)]
    environ = os.environ | {"HF_HUB_OFFLINE": "1"}
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=environ, start_new_session=True, **pipes) as process:
        try:
            out, errors = process.communicate(timeout=60 * minutes)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)  # with the workers it started
            print(f"{name:15}{model:26} stopped after {minutes:g} minutes", flush=True)
            return None
    if process.returncode:
        print(f"{name:15}{model:26} failed: {errors.strip().splitlines()[-1]}", flush=True)
        return None
    found = json.loads(out.splitlines()[-1])
    if "answers" in found:
        found |= judged(public.load(name).answers, np.array(found["answers"]), found.get("handled"))
    return found


def judged(truth: np.ndarray, answers: np.ndarray, handled: list[bool] | None) -> dict:
    """agreement, and for a model that defers: handled and agrees, on test rows."""
    right = answers == truth
    found = {
        "agreement": float(right.mean()) if (answers >= 0).all() else None
    }  # TRACER says nothing of what it defers
    if handled is not None:
        mask = np.array(handled, bool)
        found |= {"handled": float(mask.mean()), "agrees": float(right[mask].mean()) if mask.any() else None}
    return found


def one(name: str, kind: str, folder: Path) -> dict:
    """Train one of our students from nothing, the encoder's export included, and measure it; the student stays in `folder`."""
    data = public.load(name)
    with tempfile.TemporaryDirectory() as home:
        os.environ["UNDERSTUDY_HOME"] = home
        started = time.perf_counter()
        made, held = students.fit(
            kind, data.split, data.labels, folder / name / kind, lambda done, total, message: None
        )
        seconds = time.perf_counter() - started
        right = held.best == data.split.judging.answers
        certificate = certify(effective(held.confidence, held.strange), right, TARGET)
        timed = peers.timed(lambda texts: made.answer(texts).best, data.texts)
        said = made.answer(data.texts)
    found = judged(data.answers, said.best, said.handled(certificate.threshold).tolist())
    return timed | found | {"train_s": seconds, "peak_gb": peers.peak(), "calibration": float(right.mean())}


def line(name: str, model: str, found: dict) -> None:
    handled = f"{found['handled']:9.3f}{found['agrees'] or 0:8.3f}" if "handled" in found else ""
    agreement = "–" if found["agreement"] is None else f"{found['agreement']:.4f}"
    print(f"{name:15}{model:26}{agreement:>10}{found['train_s']:9.1f}{found['assets_per_s']:10.0f}", end="")
    print(f"{found['one_ms']:8.2f}{found['p95_ms']:8.2f}{found['peak_gb']:9.2f}{handled}", flush=True)


def auto(ours: dict[str, dict]) -> None:
    """For several bars: what `auto` takes, by calibration, and whether that clears the bar on test as well as any can."""
    if len(ours) < len(OURS):
        return
    for bar in BARS:
        taken = next((model for model in OURS if ours[model]["calibration"] >= bar), None)
        best = max(found["agreement"] for found in ours.values())
        if taken is None:
            print(f"  auto at {bar:.2f}: none clears it on calibration rows (best on test {best:.4f})")
            continue
        on_test = ours[taken]["agreement"]
        print(f"  auto at {bar:.2f}: {taken}, on test {on_test:.4f}: {'right' if on_test >= bar else 'WRONG'}")


if __name__ == "__main__":
    main()
