"""Answers of an exported student: needs numpy and, unless it is a linear one, onnxruntime and tokenizers. Runs no other code.

    python predict.py "Winter tyres fitted while you wait."        from predict import Student
    python predict.py --fp32 < one-text-a-line.txt                 Student(folder).predict(["Winter tyres ...", ...])

An asset of several text fields is one text: its fields, a line break between them.
"""

import argparse
import json
import re
import sys
from collections import Counter
from pathlib import Path

import numpy as np


class Student:
    """The student in `folder`; `int8` takes the small graphs, else the exact ones (fp32)."""

    def __init__(self, folder=Path(__file__).parent, int8=True):
        config, self.labels, self.thresholds = (
            json.loads((Path(folder) / name).read_text(encoding="utf-8"))
            for name in ("config.json", "labels.json", "thresholds.json")
        )
        self.weights = config["weights"]
        self.members = [
            Linear(Path(folder) / name) if name == "linear" else Graph(Path(folder) / name, int8, config["max_tokens"])
            for name in config["members"]
        ]

    def predict(self, texts):
        """A dict for each text: label, confidence (0..1) and handled: whether it is sure enough to answer without the teacher."""
        texts = [texts] if isinstance(texts, str) else list(texts)
        if not texts:
            return []
        pooled = sum(weight * member(texts) for weight, member in zip(self.weights, self.members))
        table, least = np.exp(log_softmax(pooled)), self.thresholds["threshold"]
        best, sure = table.argmax(1).tolist(), table.max(1).tolist()
        handled = [least is not None and p >= least and bool(text.strip()) for p, text in zip(sure, texts)]
        return [
            {"label": self.labels[i], "confidence": round(p, 6), "handled": alone}
            for i, p, alone in zip(best, sure, handled)
        ]


class Linear:
    """Log probabilities from TF-IDF of words (one and two in a row) and of characters (two to five in a row within words)."""

    def __init__(self, folder):
        grams = json.loads((folder / "vocabulary.json").read_text(encoding="utf-8"))
        columns = iter(range(sum(map(len, grams.values()))))
        self.columns = {kind: {gram: next(columns) for gram in known} for kind, known in grams.items()}
        self.idf, self.coefficients, self.bias = tables(folder / "tables.npz", "idf", "coefficients", "bias")

    def __call__(self, texts):
        return log_softmax(
            np.array([self.bias + sum(self.part(text.lower(), k) for k in self.columns) for text in texts])
        )

    def part(self, text, kind):
        columns = self.columns[kind]
        counts = Counter(columns[gram] for gram in (words if kind == "word" else characters)(text) if gram in columns)
        if not counts:
            return 0
        at, count = np.array(list(counts)), np.array(list(counts.values()))
        tfidf = (1 + np.log(count)) * self.idf[at]
        return tfidf / np.linalg.norm(tfidf) @ self.coefficients[at]


class Graph:
    """Log probabilities from an ONNX graph over tokens, and a logistic head on its output where there is one."""

    def __init__(self, folder, int8, max_tokens):
        import onnxruntime
        import tokenizers

        file = "int8.onnx" if int8 and (folder / "int8.onnx").exists() else "fp32.onnx"
        self.session = onnxruntime.InferenceSession(str(folder / file), providers=["CPUExecutionProvider"])
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_tokens)
        self.head = tables(folder / "head.npz", "coefficients", "bias") if (folder / "head.npz").exists() else None

    def __call__(self, texts, batch=64):
        tokens = [encoded.ids for encoded in self.tokenizer.encode_batch(list(texts))]
        lengths = np.array([len(ids) for ids in tokens])
        order, rows = np.argsort(lengths, kind="stable"), [None] * len(tokens)
        for chosen in (
            order[at : at + batch] for at in range(0, len(order), batch)
        ):  # like lengths together: little padding
            mask = np.arange(lengths[chosen].max()) < lengths[chosen, None]
            ids = np.zeros(mask.shape, np.int64)
            ids[mask] = np.concatenate([tokens[i] for i in chosen])
            for i, row in zip(chosen, self.session.run(None, {"ids": ids, "mask": mask.astype(np.int64)})[0]):
                rows[i] = row
        return log_softmax(np.array(rows) if self.head is None else np.array(rows) @ self.head[0] + self.head[1])


def words(text):
    single = re.findall(r"\w+", text)
    return single + [" ".join(single[at : at + 2]) for at in range(len(single) - 1)]


def characters(text):
    for word in (f" {word} " for word in text.split()):
        for n in range(2, min(5, len(word)) + 1):
            yield from (word[at : at + n] for at in range(len(word) - n + 1))


def log_softmax(scores):
    scores = scores - scores.max(1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(1, keepdims=True))


def tables(file, *names):
    with np.load(file, allow_pickle=False) as stored:
        return [stored[name] for name in names]


if __name__ == "__main__":
    command = argparse.ArgumentParser(description="Classify texts: those given, else the lines of standard input.")
    command.add_argument("texts", nargs="*", metavar="TEXT")
    size = command.add_mutually_exclusive_group()
    size.add_argument("--int8", action="store_true", default=True, help="the small, fast graphs (default)")
    size.add_argument("--fp32", action="store_true", help="the exact graphs")
    args = command.parse_args()
    asked = args.texts or sys.stdin.read().splitlines()
    for answer in Student(int8=not args.fp32).predict(asked):
        print(json.dumps(answer, ensure_ascii=False))
