"""Connections: how to reach a hosted model. The house's (client 0) serve every client; a client's own come first.

test_call(save(db, client_id, "GPT", "openai", "gpt-6.1-sol", key_source="env:OPENAI_API_KEY")) -> one sentence
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import asdict, dataclass, field, fields, replace
from urllib.parse import urlsplit

from sqlite_utils import Database

from core import audit, settings, words
from core.database import now
from core.errors import InputError
from core.wires import keys, providers
from core.wires.wire import CallError, Choice, OwnPrice, Params, Reply, Request, Trouble, Wire, form

HOUSE = 0
_SERVICE = re.compile(
    r"/(?:chat/completions|completions|messages|responses|embeddings|models|systemone|decisions)$", re.IGNORECASE
)
LONGER = (
    "on Connections under 'Pace, votes, length of answers', or with `connections --add NAME --max-tokens-out N`;"
    " a model that thinks first takes some thousand tokens."
)
TODO: dict[Trouble, str] = {
    "rate": "Wait a minute and try again, or allow fewer calls a minute.",
    "quota": "Top up the account with the provider, or use another key.",
    "server": "The provider has trouble: try again later.",
    "timeout": "Check the address, or allow more time for an answer.",
    "connection": "Check the address, and that the server runs and can be reached from this computer.",
    "auth": "Check the key, and that it belongs to this address.",
    "model": "Check the model's name as the provider writes it, and the address.",
    "full": "Wait until the provider has worked through its batches.",
    "schema": "Choose plain prompts for this connection.",
    "request": "Check the model and the parameters of this connection.",
}


@dataclass(frozen=True)
class Connection:
    """How to reach a hosted model. `base_url` None: the provider's own address. `key_source`: see core/wires/keys.py."""

    id: int
    client_id: int
    name: str
    kind: str
    base_url: str | None
    model: str
    key_source: str
    params: Params = field(default_factory=Params)


def save(
    db: Database,
    client_id: int,
    name: str,
    kind: str,
    model: str,
    *,
    base_url: str | None = None,
    key_source: str = "none",
    params: Params | None = None,
    key_given_again: bool = False,
) -> Connection:
    """Keep a connection, in place of the client's one of that name. InputError where something about it cannot be right, and where
    it moves to another server with the key it had, unless somebody gave that key once more (`key_given_again`)."""
    name, model = " ".join(name.split()), model.strip()
    if not name or len(name) > 60:
        raise InputError("The connection's name is empty or too long.", "Give it a name of 1 to 60 characters.")
    providers.of(kind)  # InputError where there is none
    if not model or len(model) > 200:
        raise InputError("The model's name is empty or too long.", "Write it as the provider does.")
    base_url, _ = tidied(base_url)
    keys.refuse_pasted("the name of a connection", name)
    keys.refuse_pasted("the name of a model", model)
    keys.check(key_source)
    params = params or providers.of(kind).params()
    _check(params)
    _check_choosing(kind, model, params)
    for before in [] if key_given_again else _some(db, "client_id = ? and name = ?", [client_id, name]):
        if key_source == before.key_source != "none" and moves(before, kind, base_url):
            raise InputError(
                f"{name} moves from {origin(before.kind, before.base_url)} to {origin(kind, base_url)}, and its key was given"
                " for the first alone.",
                "Give the key once more, or say that the new address needs none.",
            )
    columns = {
        "client_id": client_id,
        "name": name,
        "kind": kind,
        "base_url": base_url,
        "model": model,
        "key_source": key_source,
        "params": json.dumps(asdict(params)),
    }
    names = ", ".join(columns)
    with db.atomic():
        db.execute(
            f"""insert into connections ({names}, created) values ({", ".join("?" * len(columns))}, ?)
                on conflict (client_id, name) do update set
                {", ".join(f"{column} = excluded.{column}" for column in columns)}""",
            [*columns.values(), now()],
        )
        told = {"model": model, "key": key_source, "address": base_url or "the provider's"}
        audit.record(db, "connection", client_id=client_id or None, what=name, detail=told)
        if key_given_again:
            audit.record(db, "key", client_id=client_id or None, what=name, detail={"key": key_source})
    return next(one for one in _some(db, "client_id = ? and name = ?", [client_id, name]))


def put_key(db: Database, client_id: int, name: str, secret: str) -> None:
    """Put a key into the keyring under this name, and say in the audit trail that it was, for a client or the house (0)."""
    keys.put_keyring(name, secret)
    audit.record(db, "key", client_id=client_id or None, what=name, detail={"key": f"keyring:{name}"})


def all(db: Database, client_id: int) -> list[Connection]:
    """The client's connections and the house's, by name; of two with one name the client's."""
    by_name = {one.name.lower(): one for one in _some(db, "client_id in (0, ?) order by client_id", [client_id])}
    return sorted(by_name.values(), key=lambda one: one.name.lower())


def find(db: Database, client_id: int, name: str) -> Connection:
    """The connection called `name` that a client may use. InputError where there is none."""
    rows = _some(db, "client_id in (0, ?) and name = ? order by client_id desc limit 1", [client_id, name.strip()])
    if not rows:
        known = ", ".join(one.name for one in all(db, client_id))
        todo = f"There are: {known}." if known else "Add one on the Connections page first."
        raise InputError(f"There is no connection called '{name}'.", todo)
    return rows[0]


def rename(db: Database, id: int, name: str) -> str:
    """Give a connection another name; returns it as kept. Its label runs and paused jobs go on under the new one; calls in the
    ledger keep the name they were made under. InputError for what is no name, or another's."""
    before = next((one for one in _some(db, "id = ?", [id])), None)
    if before is None:
        raise InputError("This connection is not there any more.", "Look at the list again.")
    name = " ".join(name.split())
    if not name or len(name) > 60:
        raise InputError("The connection's name is empty or too long.", "Give it a name of 1 to 60 characters.")
    keys.refuse_pasted("the name of a connection", name)
    if _some(db, "client_id = ? and name = ? and id != ?", [before.client_id, name, id]):
        raise InputError(f"There is a connection called {name} already.", "Take another name.")
    own = "client_id = :c or (:c = 0 and client_id not in (select client_id from connections where client_id and name = :old))"
    values = {"c": before.client_id, "old": before.name, "was": f"connection:{before.name}", "is": f"connection:{name}"}
    with db.atomic():
        db.execute("update connections set name = ? where id = ?", [name, id])
        audit.record(db, "connection", client_id=before.client_id or None, what=name, detail={"before": before.name})
        db.execute(
            f"update label_runs set teacher = :is where teacher = :was collate nocase"
            f" and task_id in (select id from tasks where {own})",
            values,
        )
        db.execute(
            f"""update rivals set teacher = :is where teacher = :was collate nocase
                and task_id in (select id from tasks where {own})""",
            values,
        )
        chosen = f"select client_id, value from settings where key = 'teacher_looks' and ({own})"
        for client_id, value in db.execute(chosen, {"c": before.client_id, "old": before.name}).fetchall():
            looks = {values["is"] if of == values["was"] else of: one for of, one in json.loads(value).items()}
            settings.put(db, "teacher_looks", looks, client_id)
        for name_of in ("$.teacher", "$.rival"):
            db.execute(
                f"""update jobs set params = json_set(params, :of, :is) where state in ('cancelled', 'failed')
                    and json_extract(params, :of) = :was collate nocase and ({own})""",
                values | {"of": name_of},
            )
        busy = (
            f"select 1 from jobs where state in ('queued', 'running', 'interrupted') and params like :like and ({own})"
        )
        if db.execute(busy, values | {"like": f'%"connection:{before.name}"%'}).fetchone():
            raise InputError(f"A job asks {before.name} at this moment.", "Wait until it is done, or cancel it first.")
    return name


def remove(db: Database, id: int) -> None:
    """Forget a connection. What was bought through it stays, and so does its key, which is somewhere else."""
    with db.atomic():
        for gone in _some(db, "id = ?", [id]):
            audit.record(db, "connection", client_id=gone.client_id or None, what=gone.name, detail={"removed": True})
        db.execute("delete from connections where id = ?", [id])


def _some(db: Database, where: str, parameters: list) -> list[Connection]:
    rows = db.query(
        f"select id, client_id, name, kind, base_url, model, key_source, params from connections where {where}",
        parameters,
    )
    return [Connection(**{**row, "params": _params(row["params"])}) for row in rows]


def _params(text: str) -> Params:
    known = {field.name for field in fields(Params)}
    values = {name: value for name, value in json.loads(text).items() if name in known}
    if values.get("price"):
        values["price"] = OwnPrice(**values["price"])
    return Params(**values)


def tidied(base_url: str | None) -> tuple[str | None, str]:
    """An address as it is kept, and a sentence where more than white space had to be put right: without the name of a single
    service at its end, which the program adds itself, and with https:// where it is a provider's. InputError where it is no
    address."""
    address = _address(base_url)
    if address is None:
        return None, ""
    tidy = _SERVICE.sub("", address)
    if tidy.startswith("http://") and _is_providers("https" + tidy.removeprefix("http")):
        tidy = "https" + tidy.removeprefix("http")
    return tidy, "" if tidy == address else f"The address is kept as {tidy}."


def origin(kind: str, base_url: str | None) -> str:
    """Scheme, host and port that a connection speaks to, as https://host:443; what is no address comes back as it is."""
    try:
        parts = urlsplit(tidied(base_url)[0] or providers.of(kind).address)
    except InputError:
        return str(base_url)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or {'http': 80, 'https': 443}[parts.scheme]}"


def moves(before: Connection, kind: str, base_url: str | None) -> bool:
    """Whether a connection would speak to another server than it does, which then must not get the key of this one."""
    return origin(before.kind, before.base_url) != origin(kind, base_url)


def _is_providers(address: str) -> bool:
    """Whether a provider on the price list answers there."""
    from genai_prices.data import providers

    return any(re.match(provider.api_pattern, address) for provider in providers)


def _address(base_url: str | None) -> str | None:
    base_url = (base_url or "").strip().rstrip("/")
    if not base_url:
        return None
    todo = "It begins with http:// or https:// and usually ends in /v1."
    try:
        parts = urlsplit(base_url)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:
        sound = False
    if not sound or any(sign.isspace() for sign in base_url):
        raise InputError("The address is no web address.", todo)
    if parts.username or parts.password or parts.query or parts.fragment:
        raise InputError("The address holds more than an address.", "Leave out names, keys and everything after a ?.")
    return base_url


def _check_choosing(kind: str, model: str, params: Params) -> None:
    """InputError where a decision model is to be used as none can be."""
    if providers.of(kind).choices is None:
        return
    if params.votes > 1:
        raise InputError(
            f"{model} is a decision model: it says the same however often it is asked.", "Choose one vote an asset."
        )
    if params.assets_per_call > 1:
        raise InputError(f"{model} is a decision model: it reads one text a call.", "Choose one asset in one call.")


def _check(params: Params) -> None:
    counts = "votes assets_per_call shortlist_over shortlist max_tokens_out concurrency requests_per_minute tokens_per_minute"
    least = dict.fromkeys(counts.split(), 1) | {"timeout_s": 0.1}
    most = {"votes": 25, "assets_per_call": 50, "max_tokens_out": 32_000, "concurrency": 256}
    for name, low in least.items():
        value = getattr(params, name)
        if value is not None and not low <= value <= most.get(name, value):
            limit = f"{low} to {most[name]:,}" if name in most else f"{low} or more"
            raise InputError(f"{name.replace('_', ' ')} cannot be {value}.", f"Choose {limit}.")
    if params.temperature is not None and not 0 <= params.temperature <= 2:
        raise InputError(f"The temperature cannot be {params.temperature}.", "Choose 0 to 2.")
    if params.price and min(value or 0 for name, value in asdict(params.price).items() if name != "as_of") < 0:
        raise InputError("A price cannot be below 0.", "Give US dollars per million tokens, or for a thousand calls.")


# --- trying it out ------------------------------------------------------------------------------------------------


def connect(connection: Connection) -> Wire:
    """The wire of a connection, its key read now. InputError where the key is not where it should be."""
    return providers.of(connection.kind).wire(connection, keys.read(connection.key_source))


async def test(connection: Connection) -> Reply:
    """One tiny call. Raises CallError; InputError where the key is missing."""
    if providers.of(connection.kind).choices:
        options = (("yes", "It advertises something."), ("no", "It does not."))
        question = Choice("advertisement", "Is this text an advertisement?", options)
        return await _ask(connection, Request("", (("user", "Buy now!"),), questions=(question,)))
    asked = 'Is this text an advertisement? 1: yes, 2: no. "Buy now!" Answer with JSON alone: {"category": "<id>"}'
    params, schema = connection.params, form(category={"type": "string", "enum": ["1", "2"]})
    request = Request(
        "You sort texts.", (("user", asked),), schema, max_tokens_out=params.max_tokens_out, logprobs=params.logprobs
    )
    return await _ask(connection, request)


async def _ask(connection: Connection, request: Request) -> Reply:
    wire = connect(connection)
    try:
        return await wire.ask(request)
    finally:
        await wire.close()


def test_call(connection: Connection) -> str:
    """One tiny call, and a sentence about it. InputError in words where it fails."""
    try:
        reply = asyncio.run(test(connection))
    except CallError as error:
        todo = _elsewhere(connection) if error.trouble == "model" else ""
        raise InputError(error.words, todo or TODO[error.trouble], where=connection.name) from None
    if reply.finish == "length" or not reply.answer.strip():
        how = "was cut off" if reply.finish == "length" else "is empty"
        what = f"The model was reached, but its answer {how}: it may have thought it away."
        raise InputError(what, f"Allow a longer answer: {LONGER}", where=connection.name)
    model = reply.model or connection.model
    probable = "with" if reply.logprobs or _gives_shares(connection, reply) else "without"
    sentence = f"{model} answered in {words.milliseconds(reply.latency_ms)}, {probable} probabilities."
    return " ".join(part for part in (sentence, keys.remark(connection.key_source)) if part)


def _gives_shares(connection: Connection, reply: Reply) -> bool:
    """Whether a decision model has said how likely its options are."""
    if providers.of(connection.kind).choices is None:
        return False
    return not any(said.get("probabilities") is None for said in json.loads(reply.text).values())


def _elsewhere(connection: Connection) -> str:
    """What to do where the model answers at the same address with /v1 at its end; nothing where it does not."""
    base = connection.base_url
    if not base or not providers.of(connection.kind).spoken_elsewhere or re.search(r"/v\d", urlsplit(base).path):
        return ""
    try:
        asyncio.run(test(replace(connection, base_url=f"{base}/v1")))
    except CallError:
        return ""
    return f"The model answers at {base}/v1: use that address."
