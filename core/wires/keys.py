"""Where the key of a hosted model is, and reading it there. Only the place is ever stored, as "none", "env:NAME",
"secrets:NAME" (Streamlit's secrets.toml) or "keyring:NAME" (the operating system's password store)."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keyring
from keyring.errors import KeyringError

from core import settings
from core.errors import InputError
from core.wires import providers

SERVICE = "understudy"  # under which the keyring files our keys
_NAMES = {"env": r"[A-Za-z_][A-Za-z0-9_]*", "secrets": r"[A-Za-z_][A-Za-z0-9_.-]*", "keyring": r".+"}
_AROUND = " \t\r\n\ufeff\u200b\u200c\u200d\u2060\u00a0\"'`´‘’‚“”„«»‹›;,"
_PREFIX = re.compile(
    r"^(?:authorization|x-api-key|api-key)\s*:|^bearer(?:\s+|$)|^(?:export\s+|set\s+)?[A-Za-z_][A-Za-z0-9_]*\s*=(?=.{8})",
    re.IGNORECASE,
)
CLEANED = (
    "The key stood with something around it (quotation marks, a line break, 'Bearer' or a name); it is used without."
)
_PASTED = re.compile(
    r"(?:sk|pk|gsk|xai|key|api|AIza|hf)[-_][A-Za-z0-9_-]{16,}|AIza\S{20,}|[0-9a-fA-F]{32,}|[A-Za-z0-9_.-]{50,}"
)
VARIABLES = "UNDERSTUDY_KEY_VARIABLES"  # names, with commas between them, of more environment variables that hold keys
_PROVIDERS = """OPENAI ANTHROPIC AZURE_OPENAI OPENROUTER GEMINI GOOGLE MISTRAL GROQ DEEPSEEK TOGETHER FIREWORKS XAI COHERE
PERPLEXITY CEREBRAS NVIDIA OLLAMA VLLM LITELLM"""
WELL_KNOWN = frozenset(f"{provider}_API_KEY" for provider in _PROVIDERS.split()) | {"HF_TOKEN"}


def variables() -> list[str]:
    """The environment variables that may hold a key: the well-known ones, those of core/wires/providers, and those that this
    machine's owner lists."""
    own = {one.key_variable for one in providers.listed().values()}
    listed = (name.strip() for name in os.environ.get(VARIABLES, "").split(","))
    return sorted(WELL_KNOWN | own | {name for name in listed if re.fullmatch(_NAMES["env"], name)})


def set_variables() -> list[str]:
    """Those of variables() that are set."""
    return [name for name in variables() if os.environ.get(name, "").strip()]


def secret_names() -> list[str]:
    """What secrets.toml holds that can be a key, by name; a line of a section as "section.line". InputError where it is no TOML."""
    names = {name for file in secrets_files() if file.is_file() for name in _lines(_toml(file))}
    return sorted(name for name in names if re.fullmatch(_NAMES["secrets"], name) and not _PASTED.fullmatch(name))


def refuse_pasted(what: str, text: str) -> None:
    """InputError, which does not repeat it, where `text`, given as a connection's `what`, looks like a key."""
    if re.fullmatch(r"(?:sk|pk|gsk|xai|key|api|AIza|hf)[-_]\S{16,}|AIza\S{20,}|[0-9a-fA-F]{32,}", text.strip()):
        raise InputError(f"That looks like a key, not like {what}.", "Keys go where the form asks for them alone.")


def check(source: str) -> None:
    """InputError where `source` names no place where a key can be; a key pasted in the name's stead is refused unseen."""
    place, _, name = source.partition(":")
    if source == "none":
        return
    if _PASTED.fullmatch(name.strip()) or _PASTED.fullmatch(source.strip()):
        raise InputError(
            "That looks like a key, not like the name of the place where it is.",
            "Put the key into an environment variable, secrets.toml or the keyring, and give its name here.",
        )
    if place not in _NAMES or not re.fullmatch(_NAMES[place], name):
        raise InputError(
            "This is no place where a key can be.",
            "Write none, env:VARIABLE, secrets:NAME or keyring:NAME; a name has letters, digits and underscores.",
        )
    if place == "env" and name not in variables():
        raise InputError(
            f"The environment variable {name} is not listed as one that holds a key.",
            f"Set {VARIABLES}={name} before the program starts (several with commas), or use a provider's own name.",
        )


def read(source: str) -> str | None:
    """The key that is kept at `source`, None where none is needed. InputError where it is not there."""
    secret = _stored(source)
    if secret is None:
        return None
    key, _ = cleaned(secret)
    if not _sound(key):
        raise InputError(
            f"What is kept as {source.partition(':')[2]} is no key: a key has letters, digits and signs, no spaces.",
            "Copy it once more from the provider's page, alone.",
        )
    return key


def remark(source: str) -> str:
    """A sentence where the key kept at `source` has something around it that is left out when it is used; else nothing."""
    return cleaned(_stored(source) or "")[1]


def cleaned(secret: str) -> tuple[str, str]:
    """A key without what copying brings along (quotation marks, a line break, "Bearer", the name of its variable), and a sentence
    about that, empty where there was nothing but white space around it."""
    key, before = secret.strip(_AROUND), None
    while key != before:
        before = key
        bare = _PREFIX.sub("", key).strip(_AROUND)
        key = bare if bare or key.lower() == "bearer" else key
    key = re.sub(r"\s*[\r\n]+\s*", "", key)
    return key, CLEANED if key != secret.strip() else ""


def _sound(key: str) -> bool:
    return bool(key) and key.isascii() and key.isprintable() and not any(sign.isspace() for sign in key)


def _stored(source: str) -> str | None:
    """What is kept at `source`, as it is."""
    check(source)
    place, _, name = source.partition(":")
    if place == "none":
        return None
    secret = {"env": os.environ.get, "secrets": _secret, "keyring": _from_keyring}[place](name)
    if not secret or not secret.strip():
        raise InputError(*_MISSING[place](name))
    return secret


_MISSING = {
    "env": lambda name: (
        f"The environment variable {name} is not set.",
        "Set it to the key before the program starts, and start the program again.",
    ),
    "secrets": lambda name: _no_secret(name),
    "keyring": lambda name: (
        f"The keyring of this computer has no key called {name}.",
        "Give the key once more on the Connections page; it goes straight into the keyring.",
    ),
}


def put_keyring(name: str, secret: str) -> None:
    """Put a key into the operating system's password store. InputError where this computer has none."""
    check(f"keyring:{name}")
    key, _ = cleaned(secret)
    if not key:
        raise InputError("The key is empty.", "Paste the key.")
    if not _sound(key):
        raise InputError("That is no key: it has letters, digits and signs, no spaces.", "Copy it once more, alone.")
    try:
        keyring.set_password(SERVICE, name, key)
    except KeyringError as error:
        raise _no_keyring(error) from None


def secrets_files() -> list[Path]:
    """Where secrets.toml is looked for, the first that has the name wins: the project's, as Streamlit has it, then the person's."""
    folders = (settings.ROOT / ".streamlit", settings.home(), Path.home() / ".streamlit")
    return [folder / "secrets.toml" for folder in folders]


def redact(text: str, secret: str | None) -> str:
    """`text` without the key, also where only its beginning is repeated (as servers do, the rest starred out)."""
    if not secret:
        return text
    text = text.replace(secret, "[key]")
    if len(secret) >= 8:
        text = re.sub(rf"{re.escape(secret[:4])}[\w*.…-]*", "[key]", text)
        text = re.sub(rf"[\w*.…-]*\*{re.escape(secret[-4:])}", "[key]", text)
    return text


def _secret(name: str) -> str | None:
    for file in secrets_files():
        if not file.is_file():
            continue
        node: Any = _toml(file)
        for part in name.split("."):
            node = node.get(part) if isinstance(node, dict) else None
        if isinstance(node, str):
            return node
    return None


def _no_secret(name: str) -> tuple[str, str]:
    lines = [other for other in secret_names() if other.startswith(f"{name}.")]
    if lines:
        return f"{name} is a section of secrets.toml, not a key.", f"Name its line: {', '.join(lines[:5])}."
    section, _, line = name.rpartition(".")
    where = f" under [{section}]" if section else ""
    return f"There is no {name} in secrets.toml.", f'Add a line {line} = "the key"{where} to {secrets_files()[0]}.'


def _toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):  # what the file holds may not get into a message
        raise InputError(f"{file} cannot be read as TOML.", 'Each line reads NAME = "key".') from None


def _lines(table: dict[str, Any], before: str = "") -> Iterator[str]:
    """The names of the texts in a table and its sections."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _lines(value, f"{before}{name}.")
        elif isinstance(value, str) and value.strip():
            yield before + name


def _from_keyring(name: str) -> str | None:
    try:
        return keyring.get_password(SERVICE, name)
    except KeyringError as error:
        raise _no_keyring(error) from None


def _no_keyring(error: KeyringError) -> InputError:
    return InputError(
        f"This computer's keyring cannot be used ({type(error).__name__}).",
        "Keep the key in an environment variable or in secrets.toml instead.",
    )
