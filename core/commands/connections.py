"""`connections`: the hosted models that can be asked, where they answer and where their keys are.

A key never stands on the command line, where every process list shows it: --put-key reads it from the keyboard or a pipe.
"""

from __future__ import annotations

import argparse
import getpass
import sys
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError
from core.wires import providers

if TYPE_CHECKING:
    from sqlite_utils import Database

    from core.wires.wire import OwnPrice

ANSWERS_AND_PACE = {  # fields of core.wires.wire.Params that are options
    "concurrency": "calls at the same time",
    "requests_per_minute": "calls a minute at most",
    "tokens_per_minute": "tokens a minute at most",
    "assets_per_call": "assets in one call",
    "votes": "answers asked for an asset; the majority counts",
    "max_tokens_out": "the longest answer for one asset, in tokens",
}


SAID = {"yes": True, "no": False, "not-known": None}
SUMMARY = "list, add, test, rename or remove the hosted teachers that can be asked"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="NAME", help="add a connection, or change the one of that name")
    what.add_argument("--test", metavar="NAME", help="make one tiny call and say what came of it")
    what.add_argument("--remove", metavar="NAME", help="forget a connection; labels bought through it stay")
    what.add_argument("--rename", nargs=2, metavar=("OLD", "NEW"), help="rename it; its label runs go on")
    what.add_argument("--put-key", metavar="NAME", help="put a key, read from the keyboard, into the keyring as NAME")
    new = command.add_argument_group("with --add")
    new.add_argument("--kind", choices=providers.kinds(), help="openai: also every server that speaks like it")
    new.add_argument("--model", metavar="M", help="the model's name as the provider writes it")
    new.add_argument("--base-url", metavar="U", help="the server's address (default: the provider's own)")
    new.add_argument("--key", metavar="PLACE", help="env:NAME, secrets:NAME, keyring:NAME or none (default: none)")
    new.add_argument("--every-client", action="store_true", help="for every client, not one")
    new.add_argument("--price", type=terminal.rates, metavar="IN,OUT[,CACHED]", help="your own, USD per million tokens")
    new.add_argument(
        "--calls-price",
        type=terminal.usd,
        metavar="USD",
        help="your own price for a thousand calls, beside the tokens'",
    )
    new.add_argument(
        "--may-train",
        choices=SAID,
        help="whether its maker's terms let its answers train a model; labels of one that may not are not trained on",
    )
    new.add_argument(
        "--takes-images",
        choices=SAID,
        help="whether the model looks at images (default: as the list of known models has it); label --look sends them",
    )
    new.add_argument(
        "--by-level",
        action=argparse.BooleanOptionalAction,
        help="a decision model with more categories than it takes: ask level by level, not among a short list",
    )
    for name, what_for in ANSWERS_AND_PACE.items():
        new.add_argument(f"--{name.replace('_', '-')}", type=terminal.count, metavar="N", help=what_for)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """What is connected, after doing what was asked. InputError for an unknown connection or client, or a call that fails."""
    from core import database
    from core.wires import connections, pictures

    db = database.connect()
    client_id = _owner(db, args)
    if args.put_key is not None:
        connections.put_key(db, client_id, args.put_key, _secret())
    note = ""
    if args.add is not None:
        _add(db, client_id, args)
        note = connections.tidied(args.base_url)[1]
    elif args.test is not None:
        note = connections.test_call(connections.find(db, client_id, args.test))
    elif args.remove is not None:
        connections.remove(db, connections.find(db, client_id, args.remove).id)
    elif args.rename is not None:
        connections.rename(db, connections.find(db, client_id, args.rename[0]).id, args.rename[1])
    listed = connections.all(db, client_id)
    rows = [
        {
            "name": connection.name,
            "kind": connection.kind,
            "model": connection.model,
            "base_url": connection.base_url,
            "key": connection.key_source,
            "every_client": connection.client_id == connections.HOUSE,
            "decides": providers.of(connection.kind).choices is not None,
            "may_train": connection.params.may_train,
            "takes_images": pictures.takes(connection),
        }
        for connection in listed
    ]
    lines = [
        f"{row['name']:<24} {row['kind']:<10} {row['model']:<28} {row['base_url'] or '':<32} key: {row['key']}"
        + ("" if row["may_train"] is not False else "  not to be trained on")
        + ("  takes images" if row["takes_images"] else "")
        for row in rows
    ]
    text = "\n".join([note] if args.test is not None else [*([note] if note else []), *lines])
    return {"connections": rows, "test": note or None}, text or "There are no connections yet: add one with --add."


def _owner(db: Database, args: argparse.Namespace) -> int:
    """Whose connections: the named client's; the house's with --every-client, and where no client is named nor called Default."""
    from core.wires.connections import HOUSE

    if args.every_client or (
        args.client == "Default" and not db.execute("select 1 from clients where name = 'Default'").fetchone()
    ):
        return HOUSE
    from core import tasks

    return tasks.client_named(db, args.client)


def _add(db: Database, client_id: int, args: argparse.Namespace) -> None:
    """Save it; what is not given stays as it was in the connection of that name."""
    from dataclasses import replace

    from core.database import now
    from core.wires import connections
    from core.wires.wire import OwnPrice

    known = {one.name.casefold(): one for one in connections.all(db, client_id) if one.client_id == client_id}
    before = known.get(args.add.strip().casefold())
    kind, model = args.kind or (before and before.kind), args.model or (before and before.model)
    if not (kind and model):
        raise InputError("A new connection needs a kind and a model.", "Give both.", where="--kind, --model")
    changes = {name: getattr(args, name) for name in ANSWERS_AND_PACE if getattr(args, name) is not None}
    params = before.params if before else providers.of(kind).params()
    if args.price or args.calls_price is not None:
        tokens = args.price or (params.price and _rates(params.price)) or (0.0, 0.0)
        calls = (
            args.calls_price if args.calls_price is not None else params.price.calls_usd_1000 if params.price else 0.0
        )
        changes["price"] = OwnPrice(*tokens, as_of=now()[:10], calls_usd_1000=calls)
    if args.may_train is not None:
        changes["may_train"] = SAID[args.may_train]
    if args.takes_images is not None:
        changes["takes_images"] = SAID[args.takes_images]
    if args.by_level is not None:
        changes["by_level"] = args.by_level
    connections.save(
        db,
        client_id,
        args.add,
        kind,
        model,
        base_url=args.base_url or (before and before.base_url),
        key_source=args.key or (before.key_source if before else "none"),
        params=replace(params, **changes),
        key_given_again=args.key is not None,
    )


def _rates(price: OwnPrice) -> tuple[float, float, float | None]:
    """What its tokens cost: in, out, in where cached."""
    return price.input_usd_mtok, price.output_usd_mtok, price.cached_usd_mtok


def _secret() -> str:
    secret = getpass.getpass("Key (not shown): ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    if not secret:
        raise InputError("No key was given.", "Type it, or pipe it in.", where="--put-key")
    return secret
