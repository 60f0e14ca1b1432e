"""What answers for an exported student: needs numpy and, where a member reads by a graph, onnxruntime and tokenizers, where one
looks at images, pillow and scipy, and nothing of Understudy. It reads tables and graphs; no file it opens can run code."""

import hashlib
import importlib
import json
import re
from collections import Counter
from pathlib import Path

import numpy as np

BATCH = 256  # texts answered at a time, which bounds the memory
SIGHT = (
    "sight"  # the folder beside this file with what looks at images: modules of Understudy's core/images as they are
)


class Seen(str):
    """A text with the image that goes with it: its path, or its bytes."""

    def __new__(cls, text, image):
        seen = super().__new__(cls, text)
        seen.image, seen.facts = image, None
        return seen


def seen(texts, images):
    """A list of texts, each with its image where there is one."""
    texts = [texts] if isinstance(texts, str) else list(texts)
    if images is None:
        return texts
    if isinstance(images, (str, bytes, Path)):
        images = [images]
    return [text if image is None else Seen(text, image) for text, image in zip(texts, images, strict=True)]


class Student:
    """The student in `folder`; `int8` takes the small graphs, else the exact ones (fp32).

    ValueError where a file of it is damaged."""

    def __init__(self, folder=Path(__file__).parent, int8=True, shared=None):
        verify(Path(folder), unread="fp32.onnx" if int8 else "int8.onnx")
        config, self.labels, self.thresholds = (
            json.loads((Path(folder) / name).read_text(encoding="utf-8"))
            for name in ("config.json", "labels.json", "thresholds.json")
        )
        self.stages = [
            stage | {key: np.array(stage[key]) for key in ("slope", "shift", "least") if key in stage}
            for stage in config["stages"]
        ]
        self.several = "least" in self.stages[-1]  # how likely each tag must be to be given
        self.members = {
            name: READERS[reader](Path(folder) / name, int8, self.several, **config["tokens"])
            for name, reader in config["readers"].items()
        }
        if shared is not None:
            for member in self.members.values():
                member.share(shared)

    def predict(self, texts, images=None):
        """A dict for each text: label, confidence (0..1), strange: unlike anything it learned from, and handled: neither strange
        nor too unsure to answer without the teacher. Of a student that gives several tags also tags: how likely each of those it
        gives is; label has them all, and confidence is that of the tag, given or left out, it is least sure of.

        `images`, where the student looks at them: the image that goes with each text, a path, bytes or None."""
        texts = seen(texts, images)
        parts = (texts[at : at + BATCH] for at in range(0, len(texts), BATCH))
        return [answer for part in parts for answer in self.answer(part)]

    def answer(self, texts):
        """Member after member, each about those texts alone that the ones before it are not sure enough of."""
        left, tables, near, results = np.arange(len(texts)), [], {}, {}
        for stage in self.stages:
            parts, near[stage["member"]] = self.members[stage["member"]]([texts[i] for i in left])
            tables += parts
            pooled = sum(weight * part for weight, part in zip(stage["weights"], tables))
            if self.several:  # each tag by itself
                shares = sigmoid((pooled + stage["weights"][-1]) * stage["slope"] + stage["shift"]).astype(np.float32)
                given = shares >= stage["least"]
                if stage.get("some"):  # a text has one tag at least
                    none = np.flatnonzero(~given.any(1))
                    given[none, shares[none].argmax(1)] = True
                sure = np.where(given, shares, 1 - shares).min(1, initial=1)
            else:
                shares = np.exp(log_softmax(pooled)).astype(np.float32)
                given, sure = np.arange(shares.shape[1]) == shares.argmax(1)[:, None], shares.max(1)
            far = near[stage["judge"]] < stage["cut"]
            if stage.get("eye"):  # an image unlike any it learned from; where there is none this is NaN, which is not
                far |= near[stage["eye"]] < stage["eye_cut"]
            ends = ~far & (sure >= stage["bar"]) | (stage is self.stages[-1])
            results |= {
                i: self._result(texts[i], *row)
                for i, *row in zip(left[ends].tolist(), shares[ends], given[ends], sure[ends], far[ends].tolist())
            }
            left, tables = left[~ends], [part[~ends] for part in tables]
            near = {name: part[~ends] for name, part in near.items() if part is not None}
            if not len(left):
                break
        return [results[i] for i in range(len(texts))]

    def _result(self, text, shares, given, sure, strange):
        sure, least = float(sure), self.thresholds["threshold"]
        alone = least is not None and sure >= least and not strange and bool(text.strip())
        tags = {self.labels[at]: round(float(shares[at]), 6) for at in np.flatnonzero(given)}
        answer = {"label": "; ".join(tags) or "No tag", "tags": tags} if self.several else {"label": next(iter(tags))}
        return answer | {"confidence": round(sure, 6), "strange": strange, "handled": alone}


class Facets:
    """The students of several tasks in `folder`, by the names in facets.json; a text is read once by what they have in common."""

    def __init__(self, folder=Path(__file__).parent, int8=True):
        names = json.loads((Path(folder) / "facets.json").read_text(encoding="utf-8"))
        self.readers = {}
        self.students = {name: Student(Path(folder) / own, int8, self.readers) for name, own in names.items()}

    def predict(self, texts, images=None):
        """A dict for each text, of images as there: facets, by task what Student.predict() says, and handled: whether all of
        them are."""
        texts, results = seen(texts, images), []
        for at in range(0, len(texts), BATCH):
            answers = [student.answer(texts[at : at + BATCH]) for student in self.students.values()]
            for said in zip(*answers):
                facets = dict(zip(self.students, said))
                results.append({"facets": facets, "handled": all(one["handled"] for one in said)})
            for reader in self.readers.values():
                reader.known.clear()
        return results


def load(folder=Path(__file__).parent, int8=True):
    """What answers in `folder`: a Student, or Facets where it holds those of several tasks."""
    return (Facets if (Path(folder) / "facets.json").exists() else Student)(folder, int8)


class Words:
    """Log probabilities (of tags log odds) from TF-IDF of words (one and two in a row) and of characters (two to five in a row
    within words); nearness: the share of a text's words that are known."""

    needs = ()  # packages beside numpy

    def __init__(self, folder, int8, several, max_tokens, batch_tokens):
        self.several = several
        grams = json.loads(where(folder / "vocabulary.json").read_text(encoding="utf-8"))
        columns = iter(range(sum(map(len, grams.values()))))
        self.columns = {kind: {gram: next(columns) for gram in known} for kind, known in grams.items()}
        self.known = {word for gram in grams["word"] for word in gram.split(" ")}
        self.idf, self.coefficients, self.bias = tables(folder / "tables.npz", "idf", "coefficients", "bias")

    def share(self, readers):
        """Words are counted by each student for itself."""

    def __call__(self, texts):
        scores = np.array([self.bias + sum(self.part(text.lower(), k) for k in self.columns) for text in texts])
        words = [re.findall(r"\w+", text.lower()) for text in texts]
        known = [sum(word in self.known for word in tokens) / max(len(tokens), 1) for tokens in words]
        return [scores if self.several else log_softmax(scores)], np.array(known, np.float32)

    def part(self, text, kind):
        columns = self.columns[kind]
        counts = Counter(columns[gram] for gram in (words if kind == "word" else characters)(text) if gram in columns)
        if not counts:
            return 0
        at, count = np.array(list(counts)), np.array(list(counts.values()))
        tfidf = (1 + np.log(count)) * self.idf[at]
        return tfidf / np.linalg.norm(tfidf) @ self.coefficients[at]


class Reader:
    """An ONNX graph over tokens. `known`, where it is not None, keeps what was made of each text."""

    def __init__(self, file, tokens, max_tokens, batch_tokens):
        import onnxruntime
        import tokenizers

        options = onnxruntime.SessionOptions()
        options.add_session_config_entry(
            "session.x64quantprecision", "1"
        )  # no overflow where bytes are added in 16 bits
        self.session = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"], disabled_optimizers=["SkipLayerNormFusion"]
        )
        self.tokenizer = tokenizers.Tokenizer.from_file(str(tokens))
        self.tokenizer.no_padding()
        self.tokenizer.enable_truncation(max_tokens)
        self.batch_tokens, self.known = batch_tokens, None
        self.key = str(file.resolve())

    def __call__(self, texts):
        if self.known is None:
            return self.run(texts)
        new = [text for text in dict.fromkeys(texts) if text not in self.known]
        if new:
            self.known.update(zip(new, self.run(new)))
        return np.array([self.known[text] for text in texts])

    def run(self, texts):
        tokens = [encoded.ids for encoded in self.tokenizer.encode_batch(list(texts))]
        lengths = np.array([len(ids) for ids in tokens])
        order, rows = np.argsort(lengths, kind="stable"), [None] * len(tokens)
        while len(order):  # like lengths together, so that little is padded
            fits = lengths[order] * np.arange(1, len(order) + 1) <= self.batch_tokens
            chosen, order = np.split(order, [max(1, fits.sum())])
            mask = np.arange(lengths[chosen].max()) < lengths[chosen, None]
            ids = np.zeros(mask.shape, np.int64)
            ids[mask] = np.concatenate([tokens[i] for i in chosen])
            for i, row in zip(chosen, self.session.run(None, {"ids": ids, "mask": mask.astype(np.int64)})[0]):
                rows[i] = row
        return np.array(rows)


class Graph:
    """Log probabilities (of tags log odds) from an ONNX graph over tokens; where it makes vectors, from a logistic head on them and
    from the nearest training assets, whose mean cosine is the nearness."""

    needs = ("onnxruntime", "tokenizers")

    def __init__(self, folder, int8, several, max_tokens, batch_tokens):
        self.several = several
        file = where(folder / ("int8.onnx" if int8 else "fp32.onnx"))
        self.read = Reader(file, where(folder / "tokenizer.json"), max_tokens, batch_tokens)
        self.head = None
        if (folder / "head.npz").exists():
            self.head = tables(folder / "head.npz", "coefficients", "bias", "neighbours", "answers")
            self.head[2] = self.head[2].astype(np.float32).T
            self.hood = json.loads((folder / "neighbours.json").read_text(encoding="utf-8"))

    def share(self, readers):
        """Read by the graph that another student has loaded already."""
        self.read = readers.setdefault(self.read.key, self.read)
        self.read.known = {} if self.read.known is None else self.read.known

    def __call__(self, texts):
        rows = self.read(texts)
        if self.head is None:
            return [rows if self.several else log_softmax(rows)], None
        vectors, (coefficients, bias, *hood) = rows, self.head
        near, nearness = self.neighbours(vectors, *hood)
        scores = vectors @ coefficients + bias
        return [scores if self.several else log_softmax(scores), near], nearness

    def neighbours(self, vectors, known, answers):
        cosines = vectors @ known
        near = np.argpartition(-cosines, min(self.hood["neighbours"], len(answers)) - 1)[:, : self.hood["neighbours"]]
        cosines = np.take_along_axis(cosines, near, axis=1)
        weights = np.exp((cosines - cosines.max(1, keepdims=True)) / self.hood["sharpness"])
        nearness = -np.sort(-cosines)[:, : self.hood["nearest"]].mean(1)
        if self.several:
            said = np.einsum("nk,nkt->nt", weights, answers[near].astype(np.float32), optimize=True)
            prior = self.hood["prior"]
            share = (said + prior * answers.mean(0, dtype=np.float32)) / (weights.sum(1, keepdims=True) + prior)
            return log_odds(share).astype(np.float32), nearness
        table = np.full((len(vectors), len(self.head[1])), self.hood["floor"])
        np.add.at(table, (np.arange(len(vectors))[:, None], answers[near]), weights)
        return np.log(table / table.sum(1, keepdims=True)), nearness


class Facts:
    """Log probabilities (of tags log odds) from what is known of images without reading them."""

    needs = ("pillow", "scipy")

    def __init__(self, folder, int8, several, max_tokens, batch_tokens):
        self.several = several
        self.looking, self.features = sight("looking"), sight("features")
        self.spec = json.loads(where(folder / "facts.json").read_text(encoding="utf-8"))
        self.tables = tables(folder / "facts.npz", "mean", "scale", "coefficients", "bias")

    def share(self, readers):
        """Facts are weighed by each student for itself."""

    def __call__(self, texts):
        mean, scale, coefficients, bias = self.tables
        numbers = self.features.table([self.facts(text) for text in texts], self.spec)
        scores = self.features.scaled(numbers, mean, scale) @ coefficients + bias
        return [scores if self.several else log_softmax(scores)], None

    def facts(self, text):
        if isinstance(text, Seen) and text.facts is None:
            text.facts = self.looking.facts_of(self.looking.upright(data(text.image)))
        return getattr(text, "facts", None)


class Images(Graph):
    """As Graph, of vectors of images; where the encoder read the categories' names as well, also from how near those are. A text
    without an image has tables that say nothing."""

    needs = ("onnxruntime", "pillow", "scipy")

    def __init__(self, folder, int8, several, max_tokens, batch_tokens):
        import onnxruntime

        self.several = several
        self.looking, self.pixels = sight("looking"), sight("pixels")
        self.plan = json.loads(where(folder / "pixels.json").read_text(encoding="utf-8"))
        options = onnxruntime.SessionOptions()
        options.add_session_config_entry("session.x64quantprecision", "1")
        file = where(folder / ("int8.onnx" if int8 else "fp32.onnx"))
        self.session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
        self.output = json.loads((folder / "output.json").read_text(encoding="utf-8"))
        self.head = tables(folder / "head.npz", "coefficients", "bias", "neighbours", "answers")
        self.head[2] = self.head[2].astype(np.float32).T
        self.hood = json.loads((folder / "neighbours.json").read_text(encoding="utf-8"))
        self.names = tables(folder / "names.npz", "names", "scale") if (folder / "names.npz").exists() else None

    def share(self, readers):
        """Images are looked at by each student for itself."""

    def __call__(self, texts):
        there = np.array([isinstance(text, Seen) for text in texts], bool)
        silent = 0.0 if self.several else -np.log(len(self.head[1]))
        whole = [np.full((len(texts), len(self.head[1])), silent) for _ in range(3 if self.names else 2)]
        nearness = np.full(len(texts), np.nan, np.float32)
        if there.any():
            vectors = np.concatenate([self.vector(text.image) for text in texts if isinstance(text, Seen)])
            coefficients, bias, *hood = self.head
            near, nearness[there] = self.neighbours(vectors, *hood)
            scores = [vectors @ coefficients + bias] + ([self.named(vectors)] if self.names else [])
            first, *named = scores if self.several else [log_softmax(score) for score in scores]
            for table, part in zip(whole, [first, near, *named]):
                table[there] = part
        return whole, nearness

    def vector(self, image):
        numbers = self.pixels.numbers(self.looking.upright(data(image)), self.plan)
        row = self.session.run([self.output], {self.session.get_inputs()[0].name: numbers[None]})[0]
        return row / np.maximum(np.linalg.norm(row, axis=1, keepdims=True), 1e-9)

    def named(self, vectors):
        cosines = vectors @ self.names[0].T
        return self.names[1] * (cosines - cosines.mean(1, keepdims=True))


def sight(name):
    """A module of what looks at images: of the folder beside this file, which an export has, else Understudy's own."""
    there = Path(__file__).with_name(SIGHT).is_dir()
    return importlib.import_module(f"{SIGHT if there else 'core.images'}.{name}")


def data(image):
    return image if isinstance(image, bytes) else Path(image).read_bytes()


READERS = {
    "words": Words,
    "graph": Graph,
    "facts": Facts,
    "images": Images,
}  # what answers for a member, by what config.json says of it


def verify(folder, unread):
    """Every file is as it was exported, those named `unread` aside: they are not opened."""
    try:
        listed = json.loads((folder / "checksums.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise ValueError(f"{folder / 'checksums.json'} is damaged or missing; export the student again.") from None
    for name, wanted in listed.items():
        if not name.endswith(unread) and sha256(where(folder / name)) != wanted:
            raise ValueError(f"{folder / name} is damaged or missing; export the student again.")


def where(file):
    """A file of a student, or of what several students have in common, where a note in its place says so."""
    note = file.with_name(f"{file.name}.at")
    if file.exists() or not note.is_file():
        return file
    return file.parent / note.read_text(encoding="utf-8").strip()


def sha256(file):
    if not file.is_file():
        return None
    with open(file, "rb") as stored:
        return hashlib.file_digest(stored, "sha256").hexdigest()


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


def sigmoid(odds):
    return 1 / (1 + np.exp(-np.clip(odds, -30, 30)))


def log_odds(shares):
    inside = np.clip(shares, 1e-7, 1 - 1e-7)
    return np.log(inside / (1 - inside))


def tables(file, *names):
    with np.load(where(file), allow_pickle=False) as stored:
        return [stored[name] for name in names]
