"""The Deploy page of a task that writes: its versions, one put to work or rolled back in full knowledge of what changes, and how
to ask it over HTTP."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from core.errors import InputError
from core.ui import charts, frame, go_live, serving, writer_export
from core.ui.figures import figure
from core.ui.standing import VERDICTS
from core.words import duration, percent, ranged, spoken
from core.write import going_live
from core.write.going_live import Change
from core.write.training import LIVE

ASKED = "writer-going-live"  # the student somebody has chosen and not yet confirmed
BLIND = {"not_worse": "not worse", "worse": "worse", "not_settled": "not settled"}


def show(view: frame.View) -> None:
    """All of it, or what to do first."""
    rows = going_live.listed(view.db, view.task)
    if not rows:
        frame.nothing_yet("There is no student to put to work yet.", "write", "Train one first")
    live = next((row for row in rows if row["live"]), None)
    if live is None:
        st.write("No student of this task is at work. Choose one: you see what changes, then confirm.")
    else:
        _live(live)
    versions, engineer = st.tabs(["Versions", "For your engineer"], key="deploy-tab")
    with versions:
        _table(rows)
        with frame.guard():
            _choose(view, rows, live)
        _history(view)
    with engineer:
        if live:
            writer_export.take_along(view, live | {"id": int(live["id"])})
        serving.section(view)


def _live(live: dict[str, Any]) -> None:
    st.subheader(f"Live: {live['name']}", anchor=False)
    verdict, handled, speed = st.columns(3)
    with verdict:
        figure("Verdict", VERDICTS[live["verdict"]["decision"]], "measured", _blind(live))
    with handled:
        share = live["handled"]
        note = f"of {live['briefs']:,} test briefs ({ranged(share['low'], share['high'])})"
        figure("Handled by itself", percent(share["value"]), "measured", note, help="A draft passes every gate.")
    with speed:
        by = f", drafted with {live['drafted_with']}" if live["drafted_with"] else ""
        note = f"95 of 100 within {duration(live['seconds_per_brief']['p95'])}{by}"
        figure("One brief", duration(live["seconds_per_brief"]["p50"]), "measured", note)


def _blind(row: dict[str, Any]) -> str:
    compared = row["blind"]
    return f"blind test: {BLIND[compared['outcome']]}, n = {compared['n']:,}" if compared["n"] else "no blind test yet"


def _table(rows: list[dict[str, Any]]) -> None:
    table = pd.DataFrame([_row(row) for row in rows])
    shares = {name: st.column_config.NumberColumn(format="percent") for name in ("Handled", "Near copies")}
    st.dataframe(table, hide_index=True, key="writer-versions", placeholder="", column_config=shares)
    st.caption(
        "Measured on briefs that no student learned from. No figure says that a draft is good: people do, in the blind test."
    )
    charts.download(table, "versions")


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "Student": row["name"],
        "Live": "live" if row["live"] else "refused" if row["refused"] else "" if row["whole"] else "files missing",
        "Handled": spoken(row["handled"]["value"]),
        "95 % range": ranged(row["handled"]["low"], row["handled"]["high"]),
        "Near copies": None if row["near_copies"] is None else spoken(row["near_copies"]),
        "Blind test": _blind(row).removeprefix("blind test: "),
        "Verdict": VERDICTS[row["verdict"]["decision"]],
        "A brief takes": duration(row["seconds_per_brief"]["p50"]),
        "Drafted with": row["drafted_with"] or "",
        "Learned from": f"{row['made_from']['pairs']:,} pairs",
        "Made": row["created"][:16].replace("T", " "),
    }


def _choose(view: frame.View, rows: list[dict[str, Any]], live: dict[str, Any] | None) -> None:
    """One of the others to be made live, the way back, and the confirmation once asked for."""
    names = {int(row["id"]): row["name"] for row in rows}
    others = [int(row["id"]) for row in rows if not row["live"] and not row["refused"]]
    before = LIVE.before_live(view.db, view.task)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        if others:
            label = "Put another student to work" if live else "Put a student to work"
            picked = st.selectbox(label, others, format_func=names.__getitem__, width=280)
            if st.button("Make live …", help="It says first what changes. Nothing happens until you confirm."):
                st.session_state[ASKED] = picked, False
        if before in names and st.button(
            frame.plain(f"Roll back to {names[before]} …"),
            icon=":material/undo:",
            help="The student that was live before this one.",
        ):
            st.session_state[ASKED] = before, True
        frame.link("blind", "Compare drafts, sides hidden")
    if ASKED in st.session_state:
        _confirm(view, *st.session_state[ASKED])


def _confirm(view: frame.View, writer_id: int, back: bool) -> None:
    change = going_live.change(view.db, view.task, writer_id)
    go_live.box(ASKED, change, lambda: _drafts(change), lambda: _change(view, writer_id, back))


def _drafts(change: Change) -> None:
    if not change.drafts:
        return
    with st.expander("Drafts that change"):
        mark = lambda text, passed: text if passed else f"(stopped) {text}"  # noqa: E731
        table = pd.DataFrame(
            [
                {
                    "Brief": one["brief"],
                    f"{change.old} writes": mark(one["first"], one["first_passed"]),
                    f"{change.new} writes": mark(one["second"], one["second_passed"]),
                }
                for one in change.drafts
            ]
        )
        st.dataframe(table, hide_index=True, key="changing-drafts", height=min(38 + 35 * len(table), 248))


def _change(view: frame.View, writer_id: int, back: bool) -> None:
    """Put the student to work; where it cannot be, the box stays and the frame says why."""
    if not back:
        going_live.go_live(view.db, view.task, writer_id)
    elif LIVE.before_live(view.db, view.task) == writer_id:
        LIVE.roll_back(view.db, view.task)
    else:
        del st.session_state[ASKED]
        raise InputError("Another student has gone live meanwhile.", "Look at the list again, then choose.")


def _history(view: frame.View) -> None:
    past = LIVE.history(view.db, view.task)
    lines = [f"{one['kind']} {one['writer_id']} since {one['created'][:16].replace('T', ' ')}" for one in past]
    if lines:
        st.caption(frame.plain(f"Live: {'; before that '.join(lines)}."))
