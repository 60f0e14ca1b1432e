"""Image encoders: exported to ONNX once, then run without torch. None is packaged; a setting names one.

CLIP and SigLIP (SigLIP 2 of one resolution is such a model) from a folder saved with save_pretrained, or from the hub; or a folder
with vision_model.onnx (MobileCLIP and others), and text_model.onnx where there is a text side. Vectors have length 1.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlite_utils import Database

from core import hub, settings
from core.encoders.encoder import NEAR, OPSET, ROUNDING
from core.encoders.quantise import quantise
from core.errors import InputError
from core.images import pixels
from core.images.looking import Unfit, upright
from core.images.seen import Sight
from core.settings import processors

if TYPE_CHECKING:
    import torch

SETTING = "image_encoder"
KINDS = ("clip", "siglip")
CONFIG, PREPROCESSOR, TOKENIZER = "config.json", "preprocessor_config.json", "tokenizer.json"
VISION, TEXT = "vision_model.onnx", "text_model.onnx"  # of a folder in ONNX form
SMALL, EXACT, NAMES, PLAN = "image.onnx", "fp32.onnx", "text.onnx", "pixels.json"  # of a prepared one
CHOOSE = (
    f"Choose a folder of CLIP or SigLIP saved with save_pretrained ({CONFIG}, {PREPROCESSOR}, model.safetensors), one with "
    f"{VISION}, or org/name of a hub."
)
BATCH = 4  # images run at once by each processor
SCALE = 100.0  # by which CLIP was trained to multiply cosines, where a folder does not say
SAMPLES = 12
KEPT = 50_000  # vectors of images kept in memory, half a kilobyte to two each
_known: dict[tuple[str, str], np.ndarray] = {}


def source(name: str) -> Path:
    """The folder of image encoder `name`, a folder's path or org/name of the hub, from which it is downloaded once. InputError
    where it cannot be one."""
    if hub.is_id(name):
        return check(hub.downloaded(name, _of_known_kind, json.dumps({"file": name})))
    return check(Path(name).expanduser())


def check(folder: Path) -> Path:
    """The folder, where it can be an image encoder, without reading its weights. InputError if not."""
    if not folder.is_dir():
        raise InputError(f"There is no image model {folder}.", CHOOSE)
    _of_known_kind(folder)
    if _graph(folder, VISION) is None and not any(folder.glob("*.safetensors")):
        if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")) or any(folder.glob("*.pkl")):
            raise InputError(
                f"The weights in {folder} are of a kind that can run code when it is loaded (.bin), so they are not.",
                "Save it with save_pretrained, which writes model.safetensors, or choose another model.",
            )
        raise InputError(f"The image model's folder {folder} has no weights (model.safetensors).", CHOOSE)
    return folder


def _of_known_kind(folder: Path) -> Path:
    for file in (CONFIG, PREPROCESSOR):
        if not (folder / file).is_file():
            raise InputError(f"The image model's folder {folder} has no {file}.", CHOOSE)
    config = _json(folder / CONFIG)
    try:
        pixels.plan(_json(folder / PREPROCESSOR))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"The image model's {PREPROCESSOR} in {folder} cannot be followed: {error}.", CHOOSE) from None
    if _graph(folder, VISION) is None and (kind := config.get("model_type")) not in KINDS:
        raise InputError(f"The image model in {folder} is of the kind {kind}.", f"Choose one of: {', '.join(KINDS)}.")
    return folder


def _json(file: Path) -> dict[str, Any]:
    try:
        stored = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        stored = None
    if not isinstance(stored, dict):
        raise InputError(f"The image model's {file.name} in {file.parent} is damaged.", "Copy or download it again.")
    return stored


def _graph(folder: Path, name: str) -> Path | None:
    return next((file for file in (folder / name, folder / "onnx" / name) if file.is_file()), None)


def stamp(name: str) -> str:
    """What tells the weights of image encoder `name` from others: 16 digits of a hash of its files."""
    made, folder = hashlib.sha256(), source(name)
    graphs = [file for file in (_graph(folder, VISION), _graph(folder, TEXT)) if file]
    for file in [*sorted(folder.glob("*.safetensors")), *graphs, folder / CONFIG, folder / PREPROCESSOR]:
        with file.open("rb") as opened:
            made.update(hashlib.file_digest(opened, "sha256").digest())
    return made.hexdigest()[:16]


def licence(name: str) -> str:
    """The licence that the model is under, as its README says; "not stated" where it does not."""
    readme = source(name) / "README.md"
    line = re.search(r"^license:\s*(\S.*)$", readme.read_text(encoding="utf-8"), re.M) if readme.is_file() else None
    return line[1].strip() if line else "not stated"


def prepared(name: str) -> Path:
    """The workspace folder of image encoder `name`, exported on first use: image.onnx (int8 where that is near enough), fp32.onnx,
    pixels.json and config.json, and where it has a text side text.onnx and tokenizer.json. InputError where it cannot be read."""
    folder = settings.subfolder("encoders") / f"image-{stamp(name)}-{ROUNDING}"
    if not (folder / SMALL).is_file():
        origin = source(name)
        with tempfile.TemporaryDirectory(dir=settings.subfolder("encoders")) as scratch:
            work = Path(scratch) / folder.name
            work.mkdir()
            plan = pixels.plan(_json(origin / PREPROCESSOR))
            (work / PLAN).write_text(json.dumps(plan), encoding="utf-8")
            try:
                told = _copied(origin, work) if _graph(origin, VISION) else _exported(origin, work, plan)
                _rounded(work)
            except InputError:
                raise
            except Exception as error:  # what reads models raises nothing narrower
                why = str(error).strip().split("\n")[0].rstrip(".")
                raise InputError(f"The image model in {origin} cannot be read: {why}.", CHOOSE) from error
            if (origin / TOKENIZER).is_file() and (work / NAMES).is_file():
                shutil.copy(origin / TOKENIZER, work / TOKENIZER)
            (work / CONFIG).write_text(json.dumps({"name": name, **told}), encoding="utf-8")
            if not folder.exists():
                work.rename(folder)  # a folder is either whole or absent
    return folder


def _exported(origin: Path, work: Path, plan: dict[str, Any]) -> dict[str, Any]:
    """Write the graphs of a model of transformers; returns what its text side needs."""
    import torch
    from transformers import AutoModel, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    how = {"attn_implementation": "eager", "local_files_only": True, "use_safetensors": True, "dtype": torch.float32}
    model, loaded = AutoModel.from_pretrained(origin, trust_remote_code=False, output_loading_info=True, **how)
    if loaded["missing_keys"]:
        raise InputError(f"The image model's weights in {origin} are not whole.", "Copy or download it again.")
    model.eval()
    image = torch.zeros(2, 3, *pixels.shape(plan))
    _write(
        lambda pixel_values: model.get_image_features(pixel_values=pixel_values),
        model,
        work / EXACT,
        pixel_values=image,
    )
    if (origin / TOKENIZER).is_file():
        words = model.config.text_config
        ids = torch.ones(1, words.max_position_embeddings, dtype=torch.long)
        ids[:, -1] = words.eos_token_id
        _write(lambda input_ids: model.get_text_features(input_ids=input_ids), model, work / NAMES, input_ids=ids)
    return _text_side(origin) | {"scale": float(model.logit_scale.detach().exp().reshape(-1)[0])}


def _write(run: Callable[..., Any], model: torch.nn.Module, path: Path, **example: torch.Tensor) -> None:
    """Export what `run` makes of one input as `out`."""
    import warnings

    import torch

    class Graph(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, given: torch.Tensor) -> torch.Tensor:
            made = run(given)
            return made if isinstance(made, torch.Tensor) else made.pooler_output

    ((name, given),) = example.items()
    axes = {name: {0: "batch"}, "out": {0: "batch"}}
    if name == "input_ids":
        axes[name][1] = "tokens"
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # tracer notes about constant shapes and the older exporter
        torch.onnx.export(
            Graph().eval(),
            (given,),
            path,
            input_names=[name],
            output_names=["out"],
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def _copied(origin: Path, work: Path) -> dict[str, Any]:
    """Take over the graphs of a folder in ONNX form."""
    import onnx

    for name, target in ((VISION, EXACT), (TEXT, NAMES)):
        if (file := _graph(origin, name)) and (name == VISION or (origin / TOKENIZER).is_file()):
            onnx.save(onnx.load(file), work / target)
    return _text_side(origin) | {"scale": SCALE}


def _text_side(origin: Path) -> dict[str, Any]:
    """How names are put to the text side: SigLIP was trained on small letters, filled up to one length."""
    config = _json(origin / CONFIG)
    words = config.get("text_config") if isinstance(config.get("text_config"), dict) else {}
    siglip = config.get("model_type") == "siglip"
    return {
        "lower": siglip,
        "tokens": int(words.get("max_position_embeddings") or (64 if siglip else 77)),
        "fill": int(words.get("pad_token_id", 1) or 0) if siglip else None,
    }


def _rounded(work: Path) -> None:
    """Make the small graph of the exact one; where its vectors are too far off, or it cannot be made, the exact one is it."""
    exact = OnnxImages(work, EXACT)
    some = _samples(pixels.shape(exact.plan))
    quantise(work / EXACT, work / SMALL, [{exact.input: part} for part in np.array_split(some, len(some) // BATCH)])
    near = (exact.run(some) * OnnxImages(work, SMALL).run(some)).sum(1).mean()
    if not near >= NEAR:
        shutil.copyfile(work / EXACT, work / SMALL)


def _samples(shape: tuple[int, int]) -> np.ndarray:
    """Made-up images to see by how large channels become: soft blotches, some with sharp bars, as in creatives."""
    from PIL import Image

    made, dice = [], np.random.default_rng(0)
    for number in range(SAMPLES):
        coarse = Image.fromarray(dice.integers(0, 256, (2 + number % 4, 4, 3), dtype=np.uint8))
        table = np.asarray(coarse.resize(shape[::-1], Image.Resampling.BICUBIC), np.float32)
        if number % 2:
            table = np.where(np.arange(shape[1])[None, :, None] // 7 % 2, table, 255 - table)
        made.append((table / 127.5 - 1).transpose(2, 0, 1))
    return np.stack(made).astype(np.float32)


class OnnxImages:
    """An ONNX graph over images: `OnnxImages(folder, file)(sights)` gives unit vectors, float32 (images, dimensions)."""

    def __init__(self, folder: Path, file: str = SMALL):
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        options.add_session_config_entry("session.x64quantprecision", "1")  # as for texts (core/encoders/encoder.py)
        self.session = onnxruntime.InferenceSession(str(folder / file), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        self.output = _output(self.session)
        self.plan = json.loads((folder / PLAN).read_text(encoding="utf-8"))

    def __call__(
        self, sights: Sequence[Sight], *, progress: Callable[[int, int], None] = lambda done, total: None
    ) -> np.ndarray:
        """Each image is decoded as it is needed. InputError for one that is gone or cannot be decoded."""
        chunks = [sights[at : at + BATCH] for at in range(0, len(sights), BATCH)]
        vectors, done = [], 0
        with ThreadPoolExecutor(min(processors(), max(len(chunks), 1))) as threads:
            for made in threads.map(lambda some: self.run(np.stack([self._numbers(one) for one in some])), chunks):
                vectors.append(made)
                done += len(made)
                progress(done, len(sights))
        return np.concatenate(vectors) if vectors else self.run(np.zeros((0, 3, *pixels.shape(self.plan)), np.float32))

    def run(self, numbers: np.ndarray) -> np.ndarray:
        """The vectors of images as pixels.numbers() gives them, float32 (images, 3, height, width)."""
        if not len(numbers):
            return np.zeros((0, self.run(np.zeros((1, *numbers.shape[1:]), np.float32)).shape[1]), np.float32)
        made = self.session.run([self.output], {self.input: numbers})[0]
        return made / np.maximum(np.linalg.norm(made, axis=1, keepdims=True), 1e-9)

    def _numbers(self, sight: Sight) -> np.ndarray:
        try:
            return pixels.numbers(upright(sight.data()), self.plan)
        except (OSError, Unfit) as error:
            what = "is gone" if isinstance(error, OSError) else error.what.rstrip(".")
            where = sight.source if isinstance(sight.source, Path) else sight.sha256[:16]
            raise InputError(f"The image {where} {what}, so it cannot be looked at.", "Bring it in again.") from None


def _output(session: Any) -> str:
    """The output that holds a vector an image."""
    outputs = {one.name: one.shape for one in session.get_outputs()}
    named = [name for name in ("out", "image_embeds", "text_embeds", "pooler_output") if name in outputs]
    flat = [name for name, shape in outputs.items() if len(shape) == 2]
    return (named or flat or list(outputs))[0]


def vectors(folder: Path, sights: Sequence[Sight], progress: Callable[[int, int], None]) -> np.ndarray:
    """The vectors of images by the encoder prepared in `folder`; those of the last ones are kept, by their content."""
    todo = {one.sha256: one for one in sights if (folder.name, one.sha256) not in _known}
    if len(_known) + len(todo) > KEPT:
        _known.clear()
        todo = {one.sha256: one for one in sights}
    made = OnnxImages(folder)(list(todo.values()), progress=progress) if todo else []
    found = dict(zip(todo, made))
    _known.update({(folder.name, sha): vector for sha, vector in found.items()})
    return np.stack([found[one.sha256] if one.sha256 in found else _known[folder.name, one.sha256] for one in sights])


def of_names(folder: Path, names: Sequence[str]) -> tuple[np.ndarray, float] | None:
    """The vectors of names by the encoder's text side, float32 (names, dimensions), and by how much it multiplies cosines; None
    where the encoder prepared in `folder` has none."""
    if not (folder / NAMES).is_file() or not (folder / TOKENIZER).is_file():
        return None
    import onnxruntime
    from tokenizers import Tokenizer

    told = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    tokens = Tokenizer.from_file(str(folder / TOKENIZER))
    tokens.no_padding()
    tokens.enable_truncation(told["tokens"])
    session = onnxruntime.InferenceSession(str(folder / NAMES), providers=["CPUExecutionProvider"])
    output, made = _output(session), []
    for name in names:
        ids = tokens.encode(name.lower() if told["lower"] else name).ids
        if told["fill"] is not None:
            ids += [told["fill"]] * (told["tokens"] - len(ids))
        given = {"input_ids": np.array([ids], np.int64), "attention_mask": np.ones((1, len(ids)), np.int64)}
        made.append(session.run([output], {one.name: given[one.name] for one in session.get_inputs()})[0][0])
    table = np.stack(made).astype(np.float32)
    return table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-9), float(told["scale"])


def choose(db: Database, name: str) -> None:
    """Have students look with image encoder `name` from now on; "" for none. It is read and exported for it. InputError as
    prepared() raises it."""
    if name := name.strip():
        prepared(name)
    settings.put(db, SETTING, name)
