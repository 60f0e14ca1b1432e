"""A model from the hub, org/name: downloaded once, into the workspace. Configuration first, so that what cannot be used costs
little; of the weights, safetensors alone: other kinds of file can run code."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from core import settings
from core.errors import InputError
from core.whole import write_whole

LIGHT = [
    *("config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "preprocessor_config.json"),
    *("README.md", "LICENSE*"),
]
WEIGHTS = ["*.safetensors", "*.safetensors.index.json"]
ASIDE = "Without a network, copy its folder here from a machine that has one, and choose the folder."


def is_id(name: str) -> bool:
    """Whether a name is one of the hub's, and no path that is here."""
    return bool(re.fullmatch(r"[\w-][\w.-]*/[\w-][\w.-]*", name)) and not Path(name).expanduser().exists()


def downloaded(name: str, check: Callable[[Path], Path], told: str) -> Path:
    """The folder of hub model `name`, downloaded where it is not there. `check` raises InputError for one that cannot be used;
    `told` is kept as source.json. InputError where the hub does not give it."""
    folder = settings.subfolder("bases") / name.replace("/", "--")
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=settings.subfolder("bases")) as scratch:
            work = Path(scratch) / folder.name
            _fetch(name, work, LIGHT)
            check(work)
            _fetch(name, work, WEIGHTS)
            write_whole(work / "source.json", told)
            if not folder.exists():
                work.rename(folder)  # a folder is either whole or absent
    return folder


def _fetch(name: str, folder: Path, patterns: list[str]) -> None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import GatedRepoError, HFValidationError, RepositoryNotFoundError

    try:
        snapshot_download(name, local_dir=folder, allow_patterns=patterns)
    except GatedRepoError:
        raise InputError(
            f"The hub gives {name} only to those who have accepted its terms there.",
            "Accept them on its page, sign in with `hf auth login`, then try again.",
        ) from None
    except (RepositoryNotFoundError, HFValidationError):
        raise InputError(f"The hub has no model {name}.", "Check its name: org/name, as its page has it.") from None
    except OSError as error:
        if error.errno is not None and not isinstance(error, ConnectionError):
            raise  # of this machine's disk
        raise InputError(f"The hub cannot be reached, so {name} was not downloaded.", ASIDE) from error
    except Exception as error:  # its client's own errors are of no one kind
        raise InputError(f"The hub cannot be reached, so {name} was not downloaded.", ASIDE) from error
