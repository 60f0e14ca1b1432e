"""`connections`: the hosted models that can be asked, where they answer and where their keys are.

A key never stands on the command line, where every process list shows it: --put-key reads it from the keyboard or a pipe.
"""

from __future__ import annotations

import argparse
import getpass
import sys

from core import terminal
from core.errors import InputError

EVERYBODY = 0  # the client id under which a connection is every client's


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--add", metavar="NAME", help="add a connection, or change the one of that name")
    what.add_argument("--test", metavar="NAME", help="make one tiny call and say what came of it")
    what.add_argument("--remove", metavar="NAME", help="forget a connection; labels bought through it stay")
    what.add_argument("--put-key", metavar="NAME", help="put a key, read from the keyboard, into the keyring as NAME")
    new = command.add_argument_group("with --add")
    new.add_argument("--kind", choices=("openai", "anthropic"), help="openai: also every server that speaks like it")
    new.add_argument("--model", metavar="M", help="the model's name as the provider writes it")
    new.add_argument("--base-url", metavar="U", help="the server's address (default: the provider's own)")
    new.add_argument("--key", metavar="PLACE", help="env:NAME, secrets:NAME, keyring:NAME or none (default: none)")
    new.add_argument("--every-client", action="store_true", help="for every client, not one")
    new.add_argument("--price", type=terminal.names, metavar="IN,OUT[,CACHED]", help="your own, USD per million tokens")
    for name, what_for in (
        ("concurrency", "calls at the same time"),
        ("requests-per-minute", "calls a minute at most"),
        ("tokens-per-minute", "tokens a minute at most"),
        ("assets-per-call", "assets in one call"),
        ("votes", "answers asked for an asset, the majority counts"),
        ("max-tokens-out", "the longest answer for one asset, in tokens"),
    ):
        new.add_argument(f"--{name}", type=terminal.count, metavar="N", help=what_for)


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """What is connected, after doing what was asked. InputError for an unknown connection or client, or a call that fails."""
    from core import db as database
    from core.label import connections, keys

    db = database.connect()
    if args.put_key is not None:
        keys.put_keyring(args.put_key, _secret())
    client_id = _owner(db, args)
    said = ""
    if args.add is not None:
        _add(db, client_id, args)
    elif args.test is not None:
        said = connections.test_call(_found(db, client_id, args.test))
    elif args.remove is not None:
        connections.remove(db, _found(db, client_id, args.remove).id)
    found = connections.all(db, client_id)
    rows = [
        {
            "name": one.name,
            "kind": one.kind,
            "model": one.model,
            "base_url": one.base_url,
            "key": one.key_source,
            "every_client": one.client_id == EVERYBODY,
        }
        for one in found
    ]
    lines = [
        f"{row['name']:<24} {row['kind']:<10} {row['model']:<28} {row['base_url'] or '':<32} key: {row['key']}"
        for row in rows
    ]
    text = said or "\n".join(lines) or "There are no connections yet: add one with --add."
    return {"connections": rows, "test": said or None}, text


def _owner(db, args: argparse.Namespace) -> int:
    """Whose connections: the named client's (with the house's), or the house's where no such client has been named."""
    unnamed = args.client == "Default" and not next(db.query("select id from clients where name = 'Default'"), None)
    return EVERYBODY if args.every_client or unnamed else terminal.client_id(db, args.client)


def _found(db, client_id: int, name: str):
    from core.label import connections

    found = connections.find(db, client_id, name)
    if found:
        return found
    known = ", ".join(one.name for one in connections.all(db, client_id))
    raise InputError(f"There is no connection {name}.", f"There are: {known}." if known else "Add it with --add.")


def _add(db, client_id: int, args: argparse.Namespace) -> None:
    """Save it; what is not given stays as it was in the connection of that name."""
    from dataclasses import replace

    from core.label import connections
    from core.label.teachers.wire import Params

    before = connections.find(db, client_id, args.add)
    kind, model = args.kind or (before and before.kind), args.model or (before and before.model)
    if not (kind and model):
        raise InputError("A new connection needs a kind and a model.", "Give both.", where="--kind, --model")
    names = ("concurrency", "requests_per_minute", "tokens_per_minute", "assets_per_call", "votes", "max_tokens_out")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    if args.price:
        given["price"] = _price(args.price)
    connections.save(
        db,
        before.client_id if before else client_id,
        args.add,
        kind,
        model,
        base_url=args.base_url or (before and before.base_url),
        key_source=args.key or (before.key_source if before else "none"),
        params=replace(before.params if before else Params(), **given),
    )


def _price(parts: list[str]):
    from core.db import now
    from core.label.teachers.wire import OwnPrice

    try:
        rates = [terminal.usd(part) for part in parts]
        if len(rates) not in (2, 3):
            raise argparse.ArgumentTypeError(f"{len(rates)} numbers were given")
    except argparse.ArgumentTypeError as error:
        raise InputError(f"The price is wrong: {error}.", "Give IN,OUT or IN,OUT,CACHED.", where="--price") from error
    return OwnPrice(*rates, as_of=now()[:10])


def _secret() -> str:
    secret = getpass.getpass("Key (not shown): ") if sys.stdin.isatty() else sys.stdin.readline().strip()
    if not secret:
        raise InputError("No key was given.", "Type it, or pipe it in.", where="--put-key")
    return secret
