"""The field: models others would train on the same rows. Run by tests.bench.field, some in an environment without Understudy.

    python tests/bench/peers.py MODEL DATA.json        prints one JSON object

DATA.json has texts `train` with `labels` (numbers), texts `test` and the folder of the `encoder`. Nothing of ours is imported.
"""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

SETFIT_STEPS = 100  # batches of 32 pairs, some minutes; its own default on this many rows would take days
ONE_BY_ONE = 200


def tfidf(data: dict):
    """Word TF-IDF (1-2) and logistic regression."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    words = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
    model = make_pipeline(words, LogisticRegression(C=20, max_iter=300)).fit(data["train"], data["labels"])
    return model.predict, None


def frozen(data: dict):
    """The sentence encoder as it is, and logistic regression."""
    from sentence_transformers import SentenceTransformer
    from sklearn.linear_model import LogisticRegression

    encoder = SentenceTransformer(data["encoder"], device="cpu")
    read = lambda texts: encoder.encode(list(texts), batch_size=64, normalize_embeddings=True)  # noqa: E731
    model = LogisticRegression(C=30, max_iter=300).fit(read(data["train"]), data["labels"])
    return lambda texts: model.predict(read(texts)), None


def setfit(data: dict):
    """Contrastive fine-tuning on pairs, then logistic regression (Tunstall et al. 2022)."""
    from datasets import Dataset
    from setfit import SetFitModel, Trainer, TrainingArguments

    model = SetFitModel.from_pretrained(data["encoder"], device="cpu")
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            output_dir=folder, batch_size=32, max_steps=SETFIT_STEPS, num_epochs=1, report_to="none", save_strategy="no"
        )
        rows = Dataset.from_dict({"text": data["train"], "label": data["labels"]})
        Trainer(model=model, args=arguments, train_dataset=rows).train()
    return lambda texts: np.asarray(model.predict(list(texts), show_progress_bar=False)), None


def tracer(data: dict):
    """TRACER on vectors of the same encoder; it answers what it accepts and defers the rest."""
    import tracer as library
    from sentence_transformers import SentenceTransformer

    encoder = SentenceTransformer(data["encoder"], device="cpu")
    read = lambda texts: encoder.encode(list(texts), batch_size=64, normalize_embeddings=True)  # noqa: E731
    folder = Path(tempfile.mkdtemp())
    traces = folder / "traces.jsonl"
    rows = [{"input": text, "teacher": str(label)} for text, label in zip(data["train"], data["labels"])]
    traces.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    library.fit(
        str(traces),
        artifact_dir=str(folder / "made"),
        embeddings=read(data["train"]),
        # Up to 4,000 rows it also tries gradient boosting, which takes hours on 32 categories: its own advice is to skip it.
        config=library.FitConfig(target_teacher_agreement=0.95, skip_candidates=("gbt",)),
    )
    router = library.load_router(str(folder / "made"))

    def answer(texts):  # -1: deferred to the teacher
        return np.array([-1 if one is None else int(one) for one in router.predict_batch(read(texts))["labels"]])

    return answer, lambda texts: np.asarray(router.predict_batch(read(texts))["handled"]).tolist()


MODELS = {"TF-IDF + LR": tfidf, "frozen MiniLM + LR": frozen, "SetFit 1.2": setfit, "TRACER 0.3.3": tracer}
ELSEWHERE = tuple(MODELS)[1:]


def timed(answer, texts: list[str]) -> dict:
    """assets_per_s over all `texts` at once; one_ms and p95_ms, median and 95th percentile of single calls; after a warm-up."""
    answer(texts[:64])
    started = time.perf_counter()
    answer(texts)
    rate = len(texts) / (time.perf_counter() - started)
    single = []
    for text in texts[:ONE_BY_ONE]:
        started = time.perf_counter()
        answer([text])
        single.append(time.perf_counter() - started)
    median, slow = np.quantile(single, [0.5, 0.95])
    return {"assets_per_s": rate, "one_ms": 1000 * float(median), "p95_ms": 1000 * float(slow)}


def peak() -> float:
    """Peak resident memory of this process, GB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e9 if sys.platform == "darwin" else 1e6)


def main() -> None:
    model, path = sys.argv[1:]
    data = json.loads(Path(path).read_text(encoding="utf-8"))
    started = time.perf_counter()
    answer, handled = MODELS[model](data)
    found = {"train_s": time.perf_counter() - started} | timed(answer, data["test"])
    found |= {"answers": [int(one) for one in answer(data["test"])], "peak_gb": peak()}
    print(json.dumps(found | ({"handled": handled(data["test"])} if handled else {})))


if __name__ == "__main__":
    main()
