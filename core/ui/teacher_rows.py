"""On the Deploy page: the rows of a classified file that are for the teacher, what asking it costs, and the button that does it."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from core import jobs, tasks
from core.deploy import scoring, sending
from core.label.teachers.hosted import Hosted
from core.money import ledger
from core.train.registry import find
from core.ui import frame, progress
from core.ui.figures import figure
from core.ui.hosted_teacher import cap_field, rounded_up, spread_words
from core.wires import connections
from core.words import counted, money, teacher_words


def section(view: frame.View, scored: list[jobs.Job], running: bool) -> None:
    """The newest classified file with rows for the teacher, or another that is chosen; nothing where none has any."""
    scored = [job for job in scored if job.kind == "score" and job.result.get("teacher_texts")]
    scored = [job for job in scored if Path(job.params["input"]).exists()]
    if not scored:
        return
    with st.container(border=True):
        st.subheader("Rows for the teacher", anchor=False)
        names = {job.id: Path(job.result["output"]).name for job in scored}
        chosen = next(iter(names))
        if len(names) > 1:
            chosen = st.selectbox("Classified file", names, format_func=names.get, key="send-file")
        with frame.guard():
            _offer(view, next(job for job in scored if job.id == chosen), running)


def _offer(view: frame.View, job: jobs.Job, running: bool) -> None:
    result, students = job.result, _students(view, job)
    rows = result["rows"] - result["handled"] - result["without_text"]
    several = len(students) > 1
    st.write(
        frame.plain(
            f"The student{'s leave' if several else ' leaves'} {counted(rows, 'row')} of {result['rows']:,} to the teacher"
            f"{', in one facet at least' if several else ''}. Send them from here and you get the file back completed, with a "
            f"column {'a facet ' if several else ''}saying who answered each row."
            + (" A row is asked about in one call, in the facets that wait." if several else "")
        )
    )
    spec = _teacher(view, students)
    if spec is None:
        return
    model = sending.hosted(view.db, students, spec)
    every = list(range(len(students)))  # of a file scored before it was counted by facets
    waiting = result.get("teacher_waiting") or [[every, result["teacher_texts"], result["teacher_characters"]]]
    cost, measured = sending.expected(view.db, students, model, waiting)
    if cost is None:
        frame.unpriced()
        return
    owner = scoring.owner(students, model, Path(job.params["input"]))
    spent = ledger.sent_usd(view.db, view.task.client_id, owner)
    texts, likely = st.columns(2)
    with texts:
        note = "equal ones are asked once; what it has answered before costs nothing"
        figure("Texts to ask about", f"{result['teacher_texts']:,}", "measured", note)
    with likely:
        basis = "estimated" if measured else "assumed"
        figure(
            "Cost, most likely", money(cost.likely), basis, spread_words(cost) if cost.high else "nothing is charged"
        )
    _button(view, job, model, spent, cost.high, running)


def _students(view: frame.View, job: jobs.Job) -> list[dict]:
    """The students that scored the file, of a task each; InputError where one of them is gone."""
    if "facets" not in job.result:
        return [find(view.db, view.task, job.result["student"])]
    facets = job.result["facets"].values()
    return [find(view.db, tasks.get(view.db, one["task_id"]), one["student"]) for one in facets]


def _teacher(view: frame.View, students: list[dict]) -> str | None:
    """The model that the students learned from, else one that is chosen; None, with the way to one, where none is connected."""
    specs = list(dict.fromkeys(sending.taught_by(view.db, student) for student in students))
    taught, who = " and the ".join(map(teacher_words, specs)), "students" if len(students) > 1 else "student"
    if len(specs) == 1 and sending.can_answer(specs[0]):
        st.caption(frame.plain(f"The teacher is {taught}, which the {who} learned from."))
        return specs[0]
    known = [f"connection:{one.name}" for one in connections.all(view.db, view.task.client_id)]
    if not known:
        st.write(frame.plain(f"The {who} learned from the {taught}: connect a model first."))
        frame.link("connections", "Connect a model")
        return None
    return st.selectbox(
        "Who answers",
        known,
        format_func=teacher_words,
        key="send-teacher",
        help=frame.plain(
            f"The {who} learned from the {taught}."
            if len(specs) > 1
            else f"The {who} learned from the {taught}, which cannot be asked about new texts."
        ),
    )


def _button(view: frame.View, job: jobs.Job, model: Hosted, spent: float, high: float, running: bool) -> None:
    """The cap and the job. The cap is filled with a quarter more than the upper end of the forecast, as on the Teacher page, and
    for a few texts so that the last call finds room for the most it can cost."""
    budget = None
    if high:
        long = "x" * (2 * job.result["teacher_characters"] // job.result["teacher_texts"])
        filled = rounded_up(spent + max(1.25 * high, high + model.most_usd_answer(model.about(long))))
        hint = "No call is made that could bring this file's cost above this, whatever the forecast said; you can then raise it."
        budget = cap_field(st, filled, spent, hint, f"send-cap-{job.id}-{model.name}")
    if spent:
        st.caption(
            frame.plain(f"{money(spent, exact=True)} is spent on this file; its answers are kept and not bought again.")
        )
    if st.button(
        "Send them to the teacher",
        type="primary",
        disabled=running or (budget is None and bool(high)),
        icon=":material/send:",
    ):
        scored = Path(job.result["output"])
        progress.start(
            view,
            "send",
            job.params
            | {
                "student": "live" if "facets" in job.result else job.result["student"],
                "output": str(scored.with_name(f"{scored.stem}-completed{scored.suffix}")),
                "teacher": model.name,
                "budget_usd": budget,
            },
        )


def in_words(result: dict) -> str:
    """What came of a file's rows that were sent, in words; "" where none were."""
    if "by_teacher" not in result:
        return ""
    text = f", {result['by_teacher']:,} answered by {teacher_words(result['teacher'])}"
    text += f" for {money(result['spent_usd'], exact=True)} in all"
    if result["left"]:
        text += f", {result['left']:,} left with the student's answer"
    return text
