"""The form that adds a connection or changes one: where the model answers and where its key is; pace and price folded away."""

from __future__ import annotations

from dataclasses import replace

import streamlit as st

from core.database import now
from core.errors import InputError
from core.label.model import price_of
from core.money import prices
from core.ui import money_inputs
from core.ui.frame import View, plain
from core.wires import connections, keys, pictures, providers
from core.wires.connections import Connection
from core.wires.providers import Provider
from core.wires.wire import OwnPrice, Params

KEYS = {
    "env": "In an environment variable",
    "secrets": "In Streamlit's secrets.toml",
    "keyring": "In this computer's keyring",
    "none": "It needs no key",
}
KEY_HINT = (
    "Only the place is kept here, never the key. Environment variable: set before the program starts; its name is a provider's own "
    'or listed in UNDERSTUDY_KEY_VARIABLES. secrets.toml: a line NAME = "key". Keyring: the password store of this computer; type '
    "the key below and it goes straight there."
)
MOVED = "The address is another than the one this key was given for, so the key does not go along: give it once more."
PUT_RIGHT = "connection-put-right"  # what was put right in the address, said with the test call
NO_NAMES = {
    "env": "No variable that may hold a key is set. Set the provider's own, such as OPENAI_API_KEY, before the program starts, or"
    f" name another in {keys.VARIABLES}.",
    "secrets": "There is no secrets.toml with a key yet.",
}


def edit(view: View, before: Connection | None) -> Connection | None:
    """Draw the form for `before` (None: a new connection); what was saved, once the button is pressed."""
    tag = f"connection-{before.id if before else 'new'}"
    known = providers.listed()
    kind = st.radio(
        "Who answers",
        list(known),
        list(known).index(before.kind) if before else 0,
        format_func=lambda kind: known[kind].name,
        captions=[one.note for one in known.values()],
        key=f"{tag}-kind",
    )
    left, right = st.columns(2)
    base_url = left.text_input(
        "Address",
        (before.base_url or "") if before else "",
        placeholder=f"{known[kind].address} (leave empty for this one)",
        help="The base URL, as the provider's or the server's own page gives it. It usually ends in /v1.",
        key=f"{tag}-url",
    )
    model = right.text_input(
        "Model",
        before.model if before else "",
        placeholder="The model's name as the provider writes it",
        key=f"{tag}-model",
    )
    name, client_id = _name(view, before, model, left, right, tag)
    moved = before is not None and connections.moves(before, kind, base_url)
    key_source, secret = _key(before, kind, name, connections.origin(kind, base_url), moved, tag)
    as_typed = Connection(0, client_id, name, kind, base_url.strip() or None, model.strip(), "none")
    listed = price_of(view.db, as_typed) if model else None
    same = before is not None and (known[before.kind].choices is None) == (known[kind].choices is None)
    params, priced = _folded(before.params if same else known[kind].params(), known[kind], listed, model, tag)
    if not st.button("Save and test", type="primary", icon=":material/save:", key=f"{tag}-save"):
        return None
    if not priced:
        raise InputError(
            "Your own price is not complete.", "Give US dollars per million tokens in and out, or for a thousand calls."
        )
    put_right = connections.tidied(base_url)[1]
    if key_source is None:
        raise InputError("The key is missing.", "Say where it is, or that none is needed.")
    if secret:
        connections.put_key(view.db, client_id, key_source.partition(":")[2], secret)
    saved = connections.save(
        view.db,
        client_id,
        name,
        kind,
        model,
        base_url=base_url.strip() or None,
        key_source=key_source,
        params=params,
        key_given_again=moved,
    )
    st.session_state[PUT_RIGHT] = put_right
    return saved


def _name(view: View, before: Connection | None, model: str, left, right, tag: str) -> tuple[str, int]:
    """The connection's name and whose it is (0: every client's); both stay as they are once labels may stand under them."""
    name = left.text_input(
        "Name",
        before.name if before else "",
        placeholder=model or "What you call it",
        disabled=before is not None,
        help="Labels are kept under this name. It can be changed in the list of connections.",
        key=f"{tag}-name",
    )
    owners = {0: "Every client"} if view.client_id is None else {view.client_id: view.client, 0: "Every client"}
    owner = right.selectbox(
        "May be used for",
        [before.client_id] if before else list(owners),
        format_func=lambda id: owners.get(id, "Another client"),
        disabled=before is not None,
        key=f"{tag}-owner",
    )
    return name or ("" if before else model), owner


def _key(before: Connection | None, kind: str, name: str, origin: str, moved: bool, tag: str) -> tuple[str | None, str]:
    """Where the key is ("env:NAME" and its like; None: not said yet), and the key itself where it is to go into the keyring now.

    Nothing is chosen beforehand where the connection has `moved` to another server, which is `origin`.
    """
    place, _, detail = (before.key_source if before else "env:").partition(":")
    if moved and place != "none":
        st.caption(f":material/key_off: {MOVED}")
        detail, tag = "", f"{tag}-{origin}"
    left, right = st.columns(2)
    chosen = left.selectbox(
        "Where its key is",
        list(KEYS),
        list(KEYS).index(place),
        format_func=KEYS.__getitem__,
        help=KEY_HINT,
        key=f"{tag}-place",
    )
    if chosen == "none":
        return "none", ""
    detail = detail if chosen == place else ""
    if chosen == "keyring":
        secret = right.text_input(
            "Key",
            type="password",
            placeholder="Stays as it is" if detail else "Paste the key",
            autocomplete="off",
            help="Goes straight into the keyring, nowhere else. Leave it empty to keep the one that is there.",
            key=f"{tag}-secret",
        )
        # Its name there says for which server it was given, so that no other connection of that name finds it.
        entry = detail or f"{name} at {origin.partition('://')[2]}"
        return (f"keyring:{entry}", secret) if secret or detail else (None, "")
    with right:
        return _named(chosen, detail, "" if moved else providers.of(kind).key_variable, tag), ""


def _named(place: str, detail: str, likely: str, tag: str) -> str | None:
    """The place of a key by a name that is there on this machine; None where none is chosen."""
    names = keys.set_variables() if place == "env" else keys.secret_names()
    names += [detail] if detail and detail not in names else []
    if not names:
        st.caption(NO_NAMES[place])
        return None
    wanted = detail or likely
    chosen = st.selectbox(
        "Name of the variable" if place == "env" else "Name of the line",
        names,
        names.index(wanted) if wanted in names else None,
        placeholder="Choose it",
        key=f"{tag}-{place}-{likely}",
    )
    return chosen and f"{place}:{chosen}"


def _folded(
    params: Params, provider: Provider, listed: prices.Price | None, model: str, tag: str
) -> tuple[Params, bool]:
    """How it is asked, how fast, at what price, and what its answers may be used for: all with values that need no change. And
    whether the price is whole."""
    unknown, chooses = bool(model) and listed is None and params.price is None, provider.choices is not None
    tag = f"{tag}-chooses" if chooses else tag
    left, right = st.columns(2)
    may_train = SAID[
        left.radio(
            "May its answers train a model?",
            list(SAID),
            list(SAID.values()).index(params.may_train),
            horizontal=True,
            help="Its maker's terms say so. No student is trained on the labels of one whose answers may not.",
            key=f"{tag}-may-train",
        )
    ]
    takes_images = _takes_images(params, model, right, tag)
    with st.expander("Price: not on the list" if unknown else "Price", expanded=unknown):
        price, whole = _price(params.price, listed, model, tag)
    with st.expander("Pace" if chooses else "Pace, votes, length of answers"):
        asked = _pace(params, chooses, tag)
    return replace(params, price=price, may_train=may_train, takes_images=takes_images, **asked), whole


def _takes_images(params: Params, model: str, place, tag: str) -> bool | None:
    """Whether its model looks at images; None: as the list of known models has it."""
    known = pictures.rule(model.strip()) if model.strip() else pictures.OTHERS
    listed = "Not known" if known is pictures.OTHERS else f"As listed: {'yes' if known.charge else 'no'}"
    return SAID[
        place.radio(
            "Does it look at images?",
            list(SAID),
            list(SAID.values()).index(params.takes_images),
            format_func=lambda said: said if SAID[said] is not None else listed,
            horizontal=True,
            help=f"The list of known models is of {pictures.AS_OF}. Whether images are sent is chosen on the Teacher page.",
            key=f"{tag}-images-{listed}",
        )
    ]


def _price(priced: OwnPrice | None, listed: prices.Price | None, model: str, tag: str) -> tuple[OwnPrice | None, bool]:
    """The price that goes before the list's (None: the list's holds), and whether both of its parts are given."""
    ways = ("From the price list", "My own", "Nothing is charged")
    own = priced is not None and max(priced.input_usd_mtok, priced.output_usd_mtok, priced.calls_usd_1000) > 0
    way = st.radio(
        "Price",
        ways,
        0 if priced is None else 1 if own else 2,
        horizontal=True,
        label_visibility="collapsed",
        key=f"{tag}-way",
    )
    if way == ways[0]:
        note = "The list comes with the program and is dated."
        if model:
            note = (
                money_inputs.price_words(listed)
                if listed
                else f"{model} is not on it: without a price nothing is bought."
            )
        st.caption(plain(note))
        return None, True
    if way == ways[2]:
        return OwnPrice(0.0, 0.0, as_of=now()[:10]), True
    names = {
        "input_usd_mtok": "Tokens in",
        "output_usd_mtok": "Tokens out",
        "cached_usd_mtok": "In, cached",
        "batch_input_usd_mtok": "In, batch",
        "batch_output_usd_mtok": "Out, batch",
        "calls_usd_1000": "1,000 calls",
    }
    needed = ("input_usd_mtok", "output_usd_mtok")
    values = {}
    for field, column in zip(names, st.columns(len(names))):
        values[field] = column.number_input(
            names[field],
            min_value=0.0,
            value=getattr(priced, field) if own else None,
            format="%.4g",
            placeholder="needed" if field in needed else "none" if field == "calls_usd_1000" else "the same",
            key=f"{tag}-{field}",
        )
    st.caption(
        "US dollars per million tokens, or for a thousand calls, as of today. Left empty, cached tokens and batches cost the same "
        "as others. Where only calls are charged, leave the tokens empty."
    )
    whole = all(values[field] is not None for field in needed) or bool(values["calls_usd_1000"])
    none = {name: 0.0 for name in (*needed, "calls_usd_1000") if values[name] is None}
    return OwnPrice(**values | none, as_of=now()[:10]), whole


def _pace(params: Params, chooses: bool, tag: str) -> dict:
    """The fields of Params that a person may want to change, by name; of a decision model (`chooses`) fewer."""
    whole = {
        "concurrency": ("Calls at the same time", 1, "A small server of your own copes with one or two."),
        "requests_per_minute": ("Calls a minute", 1, "Your account's limit. Empty: as fast as the provider allows."),
        "tokens_per_minute": ("Tokens a minute", 1, "Your account's limit. Empty: as fast as the provider allows."),
        "timeout_s": ("Wait for an answer (s)", 1, "After this long a call counts as failed and is made again."),
        "assets_per_call": ("Assets in one call", 1, "More is cheaper; a model may confuse many at once."),
        "votes": (
            "Votes an asset",
            1,
            "Asks this many times and takes the majority, where the model gives no probabilities. Costs as many times more.",
        ),
        "max_tokens_out": ("Longest answer (tokens)", 16, "For one asset. A model that thinks aloud first needs more."),
        "shortlist_over": (
            "Short-list above (categories)",
            2,
            "With more categories than this each asset gets a short list of the likeliest.",
        ),
        "shortlist": ("Length of the short list", 2, "How many categories stand on it, their parents besides."),
    }
    if chooses:
        whole = {
            name: about for name, about in whole.items() if name not in ("assets_per_call", "votes", "max_tokens_out")
        }
    sides, values = st.columns(3), {}
    for place, (field, (label, least, hint)) in enumerate(whole.items()):
        before = getattr(params, field)
        values[field] = sides[place % 3].number_input(
            label,
            min_value=least,
            value=None if before is None else int(before),
            placeholder="no limit",
            help=hint,
            key=f"{tag}-{field}",
        )
    if chooses:
        values["by_level"] = st.toggle(
            "Ask level by level, instead",
            params.by_level,
            help="First which group of the topmost level, then which category in it: two calls an asset, and no short list.",
            key=f"{tag}-by-level",
        )
        return _given(params, values)
    left, middle, right = st.columns(3, vertical_alignment="bottom")
    values["schema"] = middle.selectbox(
        "How the answer is asked for",
        list(FORMATS),
        list(FORMATS).index(params.schema),
        format_func=FORMATS.__getitem__,
        help="A JSON schema holds the model to the list of categories. Whatever comes is checked all the same.",
        key=f"{tag}-schema",
    )
    values["logprobs"] = right.toggle(
        "Ask for probabilities",
        params.logprobs,
        help="Students learn from how sure the model was. A model that gives none is asked without.",
        key=f"{tag}-logprobs",
    )
    values["temperature"] = left.number_input(
        "Temperature",
        0.0,
        2.0,
        params.temperature,
        0.1,
        placeholder="left to the program",
        help="How freely it answers. Left alone: 0 for one vote, 0.7 for several, where the model takes one.",
        key=f"{tag}-temperature",
    )
    return _given(params, values)


def _given(params: Params, values: dict) -> dict:
    """The values, those that were emptied and may not be as they were."""
    return {
        name: getattr(params, name) if value is None and name not in OPTIONAL else value
        for name, value in values.items()
    }


SAID = {"Not known": None, "Yes": True, "No": False}
FORMATS = {
    "auto": "JSON schema, until it is refused",
    "strict": "JSON schema, always",
    "plain": "in words alone",
}
OPTIONAL = ("requests_per_minute", "tokens_per_minute", "temperature")


def address(connection: Connection) -> str:
    """Where it answers, without the scheme: as a link it would only lead away."""
    return (
        (connection.base_url or providers.of(connection.kind).address).removeprefix("https://").removeprefix("http://")
    )


def marks(connection: Connection) -> list[str]:
    """What is out of the ordinary about it, in a word or two each."""
    decides = ["decision model"] if providers.of(connection.kind).choices else []
    looks = ["takes images"] if pictures.takes(connection) else []
    return decides + looks + (["may not train a model"] if connection.params.may_train is False else [])


def key_words(source: str) -> str:
    """Where a key is, as people say it."""
    place, _, name = source.partition(":")
    return {
        "env": f"key in the environment variable {name}",
        "secrets": f"key in secrets.toml as {name}",
        "keyring": f"key in this computer's keyring as {name}",
    }.get(place, "no key")
