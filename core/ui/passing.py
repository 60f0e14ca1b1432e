"""The part of the Connections page that starts from what runs today: the server that passes a tool's calls on, each task's prompt
pattern with a preview on the last ten calls, and what became of them."""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import pandas as pd
import streamlit as st

from core import taxonomy
from core.exchanges import kept, logs, patterns
from core.exchanges.exchange import Exchange
from core.exchanges.patterns import Matched, Pattern, Reading
from core.ui import frame, progress, serving
from core.ui.frame import View, plain
from core.wires import providers
from core.wires.connections import Connection
from core.words import counted, milliseconds, money

DAYS = 30
PLACES = {"user": "In the last user message", "system": "In the system message"}
HINT = (
    "Paste one prompt of your tool and put {asset} in place of the asset's text, {any} in place of anything else that changes, such"
    " as a date. What is left must stand in every prompt of this task."
)


def section(view: View, known: Sequence[Connection]) -> None:
    """What to start, and what came of it, for the client that is chosen."""
    st.subheader("Start from what runs today", anchor=False)
    if view.chosen is None:
        frame.missing("Calls are kept for a client, and there is none yet.", "overview", "Add a client")
        return
    _how(view, [one for one in known if providers.of(one.kind).chats])
    if not view.task.sorts:
        st.caption(plain(f"{view.task.name} writes; a prompt pattern is for tasks that sort."))
        return
    last = kept.last(view.db, view.task.client_id)
    with st.container(border=True):
        _pattern(view, [exchange for exchange, _, _ in last])
    _became(view)
    _kept(view)


def _how(view: View, known: list[Connection]) -> None:
    st.write(
        "A tool that calls a large model today can go on as it is: it changes one address, and is answered as before. What it "
        "asked and what it was told become assets and labels of this client."
    )
    if not known:
        st.caption("Add a connection of the kind OpenAI first: its address is where the calls go on to.")
        return
    named = known[0].name
    if len(known) > 1:
        named = st.selectbox("Calls go on to", [one.name for one in known], key="passing-to")
    st.code(serving.passing_command(view.client, named), language="bash", wrap_lines=True)
    st.caption(
        "Then give the tool `http://127.0.0.1:8600/v1` as its base URL. Its key stays with the tool: it goes through and is never "
        "kept. The answers of other prompts are not kept either."
    )


def _pattern(view: View, last: list[Exchange]) -> None:
    """The pattern of the chosen task, its preview, and the button that keeps it."""
    st.markdown(f"**The prompts of {plain(view.task.name)}**")
    stored = patterns.of(view.db, view.task)
    suggested = patterns.suggested(view.db, view.task, last) if last and not stored else None
    shown = stored or (suggested[0] if suggested else Pattern())
    if suggested:
        st.info(
            f"Suggested from the last calls: {suggested[1]} of {len(last)} name a category by it. Check it and keep it."
        )
    pattern = _form(shown, f"pattern-{view.task.id}-{crc32(repr(shown).encode())}")
    if taxonomy.latest(view.db, view.task) is None:
        frame.missing("The task has no categories yet, so no answer can name one.", "assets", "Import a taxonomy")
    sound = False
    with frame.guard():
        patterns.check(pattern)
        sound = True
    if sound:
        _preview(view, pattern, last)
    with st.container(horizontal=True):
        if st.button("Keep this pattern", type="primary", disabled=not sound or pattern == stored, key="pattern-keep"):
            patterns.put(view.db, view.task, pattern)
            st.rerun()
        if stored and st.button("Forget the pattern", key="pattern-forget"):
            patterns.put(view.db, view.task, None)
            st.rerun()


def _form(shown: Pattern, key: str) -> Pattern:
    template = st.text_area("Prompt pattern", shown.template, height=150, help=HINT, key=f"{key}-template")
    left, right = st.columns(2)
    place = left.selectbox(
        "Where the asset stands",
        list(PLACES),
        list(PLACES).index(shown.place),
        format_func=PLACES.__getitem__,
        key=f"{key}-place",
    )
    fields = {
        "contains": (
            "Only prompts that hold",
            right,
            "Words that stand in the prompts of this task alone. Empty: any.",
        ),
        "asset_field": (
            "Fields of the asset",
            left,
            "Where JSON stands for the asset: its fields, with commas. Empty: all.",
        ),
        "answer_field": ("Field of the answer", right, "Where the answer is JSON: the field that names the category."),
    }
    said = {
        name: column.text_input(label, getattr(shown, name), help=help, placeholder="any", key=f"{key}-{name}")
        for name, (label, column, help) in fields.items()
    }
    return Pattern(template, place, said["contains"], said["asset_field"].strip(), said["answer_field"].strip())


def _preview(view: View, pattern: Pattern, last: list[Exchange]) -> None:
    """What the pattern finds in the last ten calls."""
    if not last:
        st.caption(f"No call was passed on yet. The last {kept.LAST} will stand here, read by the pattern.")
        return
    reading = Reading(view.db, view.task, pattern)
    rows, found = [], 0
    for exchange in last:
        told = reading(exchange)
        matched = isinstance(told, Matched)
        known = matched and told.category is not None
        why = "" if known else patterns.told(patterns.UNKNOWN if matched else told)
        rows.append(
            {
                "Asset": told.text[:200] if matched else exchange.user[:200],
                "Answer": exchange.said.answer[:80],
                "Category, or why none": told.category if known else why,
            }
        )
        found += known
    st.caption(f"Of the last {counted(len(rows), 'call')}, {found:,} would become a label.")
    st.dataframe(pd.DataFrame(rows), hide_index=True, key="passing-last", height=35 * (len(rows) + 1) + 3)


def _became(view: View) -> None:
    """What became of the calls, the labels there are with what they took, and those that wait."""
    client_id = view.task.client_id
    counts = kept.counts(view.db, client_id, DAYS)
    running = progress.active(view, "take_calls")
    waiting = kept.waiting(view.db, client_id)
    if counts:
        st.markdown(f"**What became of the calls of the last {DAYS} days** (measured)")
        table = pd.DataFrame([{"What became of them": patterns.told(why), "Calls": n} for why, n in counts.items()])
        st.dataframe(table, hide_index=True, key="passing-counts")
    if waiting:
        st.write(
            f"{counted(waiting, 'answer waits', 'answers wait')} to become labels; the server does that once a minute."
        )
        if st.button("Make labels of them now", disabled=running, icon=":material/label:"):
            progress.start(view, "take_calls", {"client_id": client_id})
    progress.watch(view, "take_calls", expected=running)
    rows = [_row(logs.worth(view.db, view.task, source), source) for source in logs.sources(view.db, view.task)]
    if rows:
        st.markdown("**Labels that came so**")
        st.dataframe(pd.DataFrame(rows), hide_index=True, key="passing-labels")
        st.caption(
            "Tokens and time are measured; the price is estimated from them by the model's list price, as dated."
        )
        frame.link("teacher", "Teach a student from them")


def _row(worth: dict, source: str) -> dict:
    dated = f", list of {worth['as_of']}" if worth["as_of"] else ""
    return {
        "Model": source,
        "Labels": worth["labels"],
        "Tokens in": worth["tokens_in"],
        "Cached": worth["tokens_cached"],
        "Tokens out": worth["tokens_out"],
        "Answer takes": milliseconds(worth["latency_ms"]),
        "Would cost today": f"{money(worth['usd'])}{dated}" if worth["usd"] is not None else "no price known",
    }


def _kept(view: View) -> None:
    """Whether the last ten calls are kept, and forgetting them."""
    client_id = view.task.client_id
    keeps = kept.keeps(view.db, client_id)
    left, right = st.columns([3, 1], vertical_alignment="center")
    wanted = left.toggle(
        f"Keep the last {kept.LAST} prompts and answers of this client, to set patterns by", keeps, key="passing-keeps"
    )
    if wanted != keeps:
        kept.keep_last(view.db, client_id, wanted)
        st.rerun()
    if right.button("Forget calls and counts", key="passing-forget"):
        kept.forget(view.db, client_id)
        st.rerun()
