"""On the Write page: have a connected model write drafts for a file of briefs, and behind the student; price and cap first."""

from __future__ import annotations

import uuid
from pathlib import Path

import streamlit as st
from sqlite_utils import Database

from core import jobs
from core.label import model
from core.money import ledger
from core.tables.problems import ReadAs
from core.tasks import Task
from core.ui import frame, progress, uploads
from core.ui.figures import figure
from core.ui.hosted_teacher import cap_field, rounded_up, spread_words
from core.ui.money_inputs import price_words
from core.wires import connections
from core.words import counted, duration, money, teacher_words
from core.write import briefs, desk, pairs, teacher, teacher_behind, teacher_file

KIND = "teacher_drafts"
LISTED = 10  # rows that could not be used, shown at once
CAP_HINT = (
    "No call is made that could bring these briefs above this, whatever the forecast said; you can then raise it."
)


def section(view: frame.View, new: bool) -> None:
    """Upload, price, cap, start; the run under way; what came of the last one and where its drafts wait. `new`: no pair yet."""
    running = progress.active(view, KIND)
    title = "No approved copy yet? Have the teacher write" if new else "Have the teacher write"
    with st.expander(title, icon=":material/school:", expanded=stays_open(KIND, running)), frame.guard():
        st.markdown(
            "A large model that you connected writes drafts for briefs that have no copy yet, in the voice of the guide and of "
            "approved copy. People approve or edit them at the drafts' desk; what they keep is learned from."
        )
        if not running and (spec := choose(view, "teacher-drafts")):
            _offer(view, spec)
        if not progress.watch(view, KIND, expected=running):
            _last(view)
        _waiting(view)


def stays_open(kind: str, running: bool) -> bool:
    """Whether the part of a page that a job of this kind is started in is open: while it runs, and afterwards to say what came of
    it."""
    st.session_state[f"open-{kind}"] = running or st.session_state.get(f"open-{kind}", False)
    return st.session_state[f"open-{kind}"]


def choose(view: frame.View, key: str, label: str = "Who writes") -> str | None:
    """A connection; None, with the way to one, where there is none."""
    known = [f"connection:{one.name}" for one in connections.all(view.db, view.task.client_id)]
    if known:
        return st.selectbox(label, known, format_func=teacher_words, key=key)
    st.write("No large model is connected.")
    frame.link("connections", "Connect a model")
    return None


def _offer(view: frame.View, spec: str) -> None:
    path = uploads.upload("A file of briefs, without copy", "teacher-briefs")
    if path is None:
        return
    how = uploads.read_as(path, "teacher-briefs")
    seen: pairs.Look = uploads.look(pairs.look, path, how)
    uploads.doubts(path, seen.doubts, "teacher-briefs")
    left, right = st.columns([3, 1])
    key = f"teacher-brief-columns-{uploads.as_read(path, how)}"
    columns = left.multiselect("Columns of the brief", seen.columns, [seen.brief], key=key)
    count = int(right.number_input("Drafts of each", 1, 5, teacher_file.USUAL, key="teacher-count"))
    if not columns:
        return
    asked = _briefs(str(path), tuple(columns), how)
    hosted = model.find(view.db, view.task.client_id, spec)
    bought = view.db.execute("select ifnull(max(draft_id), 0) from teacher_drafts").fetchone()[0]
    expected = _forecast(spec, tuple(asked), count, f"{hosted.price} {bought} {view.task.id}", view.db, view.task)
    if not expected.calls:
        st.success("Every brief of this file has its drafts. Nothing is bought twice.", icon=":material/check_circle:")
        return
    if expected.cost is None:
        frame.unpriced()
        return
    calls, cost, time = st.columns(3)
    with calls:
        note = f"{counted(expected.kept, 'brief')} have theirs already" if expected.kept else ""
        figure("Briefs to write for", f"{expected.calls:,}", "measured", note)
    with cost:
        figure("Cost, most likely", money(expected.cost.likely), "estimated", spread_words(expected.cost))
    with time:
        figure("Time", duration(expected.seconds), "assumed", "two to three seconds an answer")
    basis = (
        f"Measured on {counted(expected.measured_on, 'answer')}."
        if expected.measured_on
        else "Guessed from characters."
    )
    tokens = f"{expected.tokens_in:,.0f} tokens in and {expected.tokens_out:,.0f} out."
    st.caption(frame.plain(f"{tokens} {basis} {price_words(hosted.price)}"))
    _start(view, spec, path, columns, how, count, asked, expected)


def _start(
    view: frame.View,
    spec: str,
    path: Path,
    columns: list[str],
    how: ReadAs,
    count: int,
    asked: list[str],
    expected: teacher.Forecast,
) -> None:
    spent = ledger.sent_usd(view.db, view.task.client_id, teacher.owner_of(view.db, view.task, spec, asked, count))
    budget = None
    if expected.cost.high:
        filled = rounded_up(spent + max(1.25 * expected.cost.high, 0.05))
        budget = cap_field(st, filled, spent, CAP_HINT, f"teacher-cap-{path}-{spec}")
    if st.button(
        f"Have drafts written for {counted(expected.calls, 'brief')}",
        type="primary",
        icon=":material/edit_note:",
        disabled=budget is None and bool(expected.cost.high),
    ):
        progress.start(view, KIND, teacher_file.params(view.task, path, columns, spec, budget, count, how))


@st.cache_data(max_entries=8, show_spinner="Reading the briefs …")
def _briefs(path: str, columns: tuple[str, ...], how: ReadAs) -> list[str]:
    read, _ = briefs.read(Path(path), columns, how)
    return list(dict.fromkeys(brief for _, brief in read))


@st.cache_data(max_entries=8, show_spinner="Working out what it costs …")
def _forecast(
    spec: str, asked: tuple[str, ...], count: int, state: str, _db: Database, _task: Task
) -> teacher.Forecast:
    return teacher.forecast(_db, _task, spec, asked, count)


def _last(view: frame.View) -> None:
    """What came of the last file."""
    recent = jobs.recent(view.db, view.task, limit=50)
    last = next((job for job in recent if job.kind == KIND and job.state == "done"), None)
    if last is None:
        return
    result = last.result
    st.text(teacher_file.in_words(result))
    for reason, count in result["reasons"].items():
        st.text(f"{counted(count, 'brief')} without a draft: {reason}")
    for problem in result["problem_list"][:LISTED]:
        st.text(f"Row {problem['row']}: {problem['what']} {problem['todo']}")
    if (more := result["problems"] - LISTED) > 0:
        st.text(f"and {counted(more, 'more problem')}.")


def _waiting(view: frame.View) -> None:
    """How many drafts wait for people, with the way to them."""
    left, done = desk.counts(view.db, view.task)
    if left or done:
        st.text(f"{counted(left, 'draft')} waiting at the drafts' desk, {done:,} decided.")
        frame.link("blind", "To the drafts' desk: approve, edit or reject")


def beside_choice(view: frame.View) -> str:
    """Whose draft is to stand beside the student's, "" for nobody's; nothing to choose where no model is connected."""
    known = [f"connection:{one.name}" for one in connections.all(view.db, view.task.client_id)]
    if not known:
        return ""
    return st.selectbox(
        "Beside them, a draft by",
        ["", *known],
        format_func=lambda one: teacher_words(one) if one else "nobody",
        key="write-beside",
        help="It is paid for, once a brief; what it cost stands beside it and in the Ledger.",
    )


def beside(view: frame.View, brief: str, spec: str, handled: bool) -> dict | None:
    """The draft of the teacher that was chosen, within the most that one call can cost; else of the one behind the student, where
    no draft passed. {"note", "drafts"}; None where neither is there."""
    if spec:
        most = teacher.most_usd(view.db, view.task, spec, brief)
        told = teacher.drafts(view.db, view.task, spec, [brief], most, f"tried-{uuid.uuid4().hex}")
        why, found = next(iter(told.failed.values()), ""), told.drafts.get(brief, [])
        cost = "bought before, at no cost now" if told.kept else f"it cost {money(told.spent_usd, exact=True)}"
        note = (
            f"The draft of {teacher_words(spec)}; {cost}."
            if found
            else f"{teacher_words(spec)} wrote nothing: {why} {cost}."
        )
        return {"note": note, "drafts": found}
    rules = teacher_behind.rules_of(view.db, view.task)
    if handled or not rules.teacher:
        return None
    told = teacher_behind.behind(view.db, view.task, [brief])
    found = told.drafts.get(brief, [])
    spent = f"{money(told.spent_usd, exact=True)} of this month's {money(rules.budget_usd, exact=True)} are spent"
    said = f"The draft of {teacher_words(rules.teacher)}, which stands behind" if found else told.why.get(brief, "")
    return {"note": f"{said.removesuffix('.')}; {spent}.", "drafts": found}


def behind_form(view: frame.View) -> None:
    """Who writes where no draft of the student passes, and what that may cost a month."""
    rules = teacher_behind.rules_of(view.db, view.task)
    known = ["", *(f"connection:{one.name}" for one in connections.all(view.db, view.task.client_id))]
    if rules.teacher not in known:
        known.append(rules.teacher)
    with st.expander("Behind the student: the teacher, where no draft passes"), frame.guard():
        with st.form("teacher-behind", border=False):
            left, right = st.columns(2)
            who = left.selectbox(
                "Who writes then",
                known,
                known.index(rules.teacher),
                lambda one: teacher_words(one) if one else "nobody",
            )
            budget = right.number_input(
                "At most, US dollars a month",
                min_value=0.0,
                value=rules.budget_usd,
                step=1.0,
                help="The client's budget for all that its teachers answer behind students, in a calendar month.",
            )
            if st.form_submit_button("Save who stands behind"):
                new = teacher_behind.Rules(teacher=who, budget_usd=budget, drafts=rules.drafts)
                teacher_behind.put(view.db, view.task, new)
                st.success("Saved.", icon=":material/check_circle:")
        if rules.teacher:
            spent = ledger.served_usd(view.db, view.task.client_id)
            st.caption(frame.plain(f"{money(spent, exact=True)} spent this month."))
