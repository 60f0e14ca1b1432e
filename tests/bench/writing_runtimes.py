"""What drafting takes in torch, llama.cpp (xllamacpp, Q8_0) and CTranslate2 (int8), and how far each is from the student in full.

    python -m tests.bench.writing_runtimes slogans.csv --brief-columns source --copy-column target [--student FOLDER] [--threads 1]

Without --student (the folder `model` of a student that writes) one is made: the packaged base model after one pass over 320 pairs.
Each runtime works in a process of its own, on the same briefs, one brief at a time: eight drafts with their likelihoods
(CTranslate2 knows no min-p and draws without), the score by which they are ordered, the likeliest draft of a long brief. xllamacpp
and ctranslate2 are installed by hand: pip install --no-deps -r requirements-write.txt ctranslate2==4.8.5.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from core.write import base, gguf_file, judging, language, llama, sampling, slots, tuning
from core.write.pairs import find_columns, opened
from core.write.wording import wording

DRAWS, MOST, LONG_MOST = 8, 24, 40
SPECIAL = {
    "unk_token": "<|endoftext|>",
    "bos_token": "<|im_start|>",
    "eos_token": "<|im_end|>",
}  # of the packaged base model
TRAINED, HELD = 320, 60


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("file", type=Path)
    parser.add_argument("--brief-columns", required=True)
    parser.add_argument("--copy-column", required=True)
    parser.add_argument("--student", type=Path)
    parser.add_argument("--briefs", type=int, default=20)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--runtimes", default=",".join(RUNTIMES))
    args = parser.parse_args()
    pairs = pairs_of(args.file, args.brief_columns.split(","), args.copy_column)
    held, learned = pairs[:HELD], pairs[HELD : HELD + TRAINED]
    with tempfile.TemporaryDirectory() as scratch:
        student = args.student or trained(learned, Path(scratch))
        print(f"{os.getloadavg()[0]:.1f} processes at work on {os.cpu_count()} processors; {args.threads} threads each")
        for name in args.runtimes.split(","):
            asked = multiprocessing.get_context("spawn").Pool(1)
            print(
                name, json.dumps(asked.apply(_measured, (name, student, held, args.briefs, args.threads))), flush=True
            )
            asked.close()


def pairs_of(file: Path, brief: list[str], copy: str) -> list[tuple[str, str]]:
    """HELD and then TRAINED (brief, copy) pairs of a file, in an order drawn by chance."""
    from core.tables.problems import Problems

    table = opened(file, [*brief, copy])
    columns = find_columns(table, brief, copy)
    rows = [dict(zip(table.columns, cells)) for _, cells in table.records(Problems())]
    pairs = [("\n".join(row[name] for name in columns.brief), row[copy]) for row in rows]
    return [pairs[place] for place in np.random.default_rng(0).permutation(len(pairs))[: HELD + TRAINED]]


def trained(pairs: list[tuple[str, str]], scratch: Path, epochs: int = 1) -> Path:
    """The folder of the packaged base model after so many passes over pairs, twenty steps each."""
    import torch

    folder = base.prepared()
    learner = language.load(folder, train=True)
    rows = [(learner.prompt(brief), learner.copy(slots.put(text, brief))) for brief, text in pairs]
    tuning.tune(learner, rows, tuning.Recipe(epochs, 16, 1e-4), scratch / "point", lambda *a: None, lambda epoch: None)
    student = Path(os.environ.get("KEEP", scratch)) / "student"
    learner.model.to(dtype=torch.bfloat16).save_pretrained(student)
    shutil.copyfile(folder / "tokenizer.json", student / "tokenizer.json")
    return student


def _measured(name: str, student: Path, held: list[tuple[str, str]], briefs: int, threads: int) -> dict:
    import torch

    torch.set_num_threads(threads)
    before = judging.peak_gb()
    with tempfile.TemporaryDirectory() as scratch:
        size, draft, score, summary, likelihoods = RUNTIMES[name](student, Path(scratch), threads)
        long = "\n".join(f"#Person{1 + n % 2}#: {brief}" for n, (brief, _) in enumerate(held[:16]))
        draft(held[0][0], 1)
        took: dict[str, list[tuple[float, float]]] = {
            "eight drafts": [],
            "their scores": [],
            "one draft of a long brief": [],
        }
        for seed, (brief, _) in enumerate(held[:briefs]):
            some = _timed(took["eight drafts"], draft, brief, seed)
            _timed(took["their scores"], score, some)
        for _ in range(5):
            _timed(took["one draft of a long brief"], summary, long)
        copies = [slots.put(text, brief) for brief, text in held]
        nll = -sum(likelihoods([brief for brief, _ in held], copies)) / sum(len(text) + 1 for text in copies)
    figures = {
        what: {
            "p50": _share(some, 0, 0.5),
            "p95": _share(some, 0, 0.95),
            "cpu": round(float(np.mean([c for _, c in some])), 2),
        }
        for what, some in took.items()
    }
    return figures | {
        "file_mb": round(size / 1e6), "peak_gb": round(judging.peak_gb(), 2), "before_gb": round(before, 2), "nll": round(nll, 5),
    }  # fmt: skip


def _timed(into: list, do: Callable, *args):
    wall, cpu = time.perf_counter(), time.process_time()
    result = do(*args)
    into.append((time.perf_counter() - wall, time.process_time() - cpu))
    return result


def _share(some: list[tuple[float, float]], which: int, share: float) -> float:
    return round(float(np.quantile([one[which] for one in some], share)), 2)


def _torch(student: Path, scratch: Path, threads: int) -> tuple:
    model = language.load(student)

    def likelihoods(briefs: list[str], copies: list[str]) -> list[float]:
        return language.likelihoods(
            model, [model.prompt(one) for one in briefs], [model.copy(one) for one in copies]
        ).tolist()

    def draft(brief: str, seed: int) -> list[list[int]]:
        [some] = sampling.write(model, [model.prompt(brief)], [seed], DRAWS, MOST)
        return [one.ids for one in some]

    def score(some: list[list[int]]) -> None:
        language.likelihoods(model, [model.prompt("")] * len(some), [[*ids, model.end] for ids in some])

    def summary(brief: str) -> None:
        sampling.write(model, [model.prompt(brief)], [0], 1, LONG_MOST, greedy=True)

    return _size(student), draft, score, summary, likelihoods


def _torch_full(student: Path, scratch: Path, threads: int) -> tuple:
    """In full precision: the loss that the others are compared with."""
    language.half = lambda: False
    return _torch(student, scratch, threads)


def _llama(student: Path, scratch: Path, threads: int) -> tuple:
    file = gguf_file.write(student, scratch / "model.gguf")
    model = llama.llama(file, wording(student), threads)

    def draft(brief: str, seed: int) -> list[list[int]]:
        [some] = model.drafts([model.prompt(brief)], [seed], DRAWS, MOST, greedy=False)
        return [one.ids for one in some]

    def score(some: list[list[int]]) -> None:
        model.likelihoods([model.prompt("")] * len(some), [[*ids, model.end] for ids in some])

    def summary(brief: str) -> None:
        model.drafts([model.prompt(brief)], [0], 1, LONG_MOST, greedy=True)

    def likelihoods(briefs: list[str], copies: list[str]) -> list[float]:
        return model.likelihoods([model.prompt(one) for one in briefs], [model.copy(one) for one in copies])

    return file.stat().st_size, draft, score, summary, likelihoods


def _ctranslate2(student: Path, scratch: Path, threads: int) -> tuple:
    import ctranslate2
    from transformers import PreTrainedTokenizerFast

    source = scratch / "source"
    shutil.copytree(student, source)
    PreTrainedTokenizerFast(tokenizer_file=str(student / "tokenizer.json"), **SPECIAL).save_pretrained(source)
    ctranslate2.converters.TransformersConverter(str(source)).convert(str(scratch / "made"), quantization="int8")
    model = ctranslate2.Generator(str(scratch / "made"), "cpu", intra_threads=threads, compute_type="int8")
    words = language.load(student)
    named = words.tokens.id_to_token

    def made(brief: str, most: int, **how) -> list:
        start = [[named(one) for one in words.prompt(brief)]]
        [some] = model.generate_batch(
            start,
            max_length=most,
            include_prompt_in_result=False,
            end_token=named(words.end),
            return_scores=True,
            **how,
        )
        return some.sequences_ids

    def draft(brief: str, seed: int) -> list[list[int]]:
        ctranslate2.set_random_seed(seed)
        return made(brief, MOST, num_hypotheses=DRAWS, sampling_topk=40, sampling_temperature=sampling.TEMPERATURE)

    def scored(prompts: list[list[int]], copies: list[list[int]]) -> list[float]:
        rows = model.score_batch([[named(one) for one in [*p, *c]] for p, c in zip(prompts, copies)], max_batch_size=16)
        return [sum(row.log_probs[-len(copy) :]) for row, copy in zip(rows, copies)]

    def score(some: list[list[int]]) -> None:
        scored([words.prompt("")] * len(some), [[*ids, words.end] for ids in some])

    def likelihoods(briefs: list[str], copies: list[str]) -> list[float]:
        return scored([words.prompt(one) for one in briefs], [words.copy(one) for one in copies])

    return _size(scratch / "made"), draft, score, lambda brief: made(brief, LONG_MOST), likelihoods


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir() if file.suffix in (".safetensors", ".bin"))


RUNTIMES: dict[str, Callable] = {
    "torch full": _torch_full, "torch": _torch, "llama.cpp Q8_0": _llama, "ctranslate2 int8": _ctranslate2
}  # fmt: skip

if __name__ == "__main__":
    main()
