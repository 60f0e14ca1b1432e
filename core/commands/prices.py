"""`prices`: what models' tokens cost, by the list that comes with the program and by prices of your own, which go before it."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import TYPE_CHECKING

from core import terminal
from core.errors import InputError

if TYPE_CHECKING:
    from core.money.prices import Price


SUMMARY = "what models' tokens cost: list, set your own, reset"


def options(command: argparse.ArgumentParser) -> None:
    """The command's options."""
    what = command.add_mutually_exclusive_group()
    what.add_argument("--find", metavar="TEXT", help="only models with this in their name")
    what.add_argument("--set", metavar="MODEL", help="give a price of your own, as provider:model, with --price")
    what.add_argument("--reset", metavar="MODEL", help="go back to the list's price")
    command.add_argument(
        "--price", type=terminal.rates, metavar="IN,OUT[,CACHED]", help="with --set: USD per million tokens"
    )


def run(args: argparse.Namespace) -> tuple[dict, str]:
    """The prices asked for, or the one just changed. InputError for a --set without a --price (or the other way round), and a
    --reset where the list's price holds already."""
    from core import database
    from core.money import prices

    if (args.set is None) != (args.price is None):
        raise InputError("A price of your own needs a model and its price.", "Give both.", where="--set, --price")
    db = database.connect()
    changed = args.set or args.reset
    if args.set is not None:
        prices.put_override(db, args.set, *args.price)
    elif args.reset is not None:
        prices.drop_override(db, args.reset)
    wanted = (args.find or "").casefold()
    names = [changed] if changed else [name for name in prices.names(db) if wanted in name.casefold()]
    priced = [(name, prices.price(db, name), prices.listed(name)) for name in names]
    rows = [
        {"model": name, "price": price and asdict(price), "listed": listed and asdict(listed)}
        for name, price, listed in priced
    ]
    text = "\n".join(_line(*one) for one in priced)
    return {"prices": rows}, text or f"No model with {args.find} in its name has a price: give one with --set."


def _line(name: str, price: Price | None, listed: Price | None) -> str:
    if price is None:
        return f"{name:<44} has no price"
    own = price.source == "yours"
    cached = "" if price.cached_usd_mtok is None else f", {price.cached_usd_mtok:g} cached"
    instead = f" (list: {listed.input_usd_mtok:g} in, {listed.output_usd_mtok:g} out)" if own and listed else ""
    rates = f"{price.input_usd_mtok:g} in, {price.output_usd_mtok:g} out{cached}"
    return f"{name:<44} {rates:<36} {price.source}, {price.as_of or 'undated'}{instead}"
