"""Watching jobs: a page reads the jobs row once a second until the job ends, so that any tab can be closed at any moment.

running = progress.active(view, "label")
if st.button("Label", disabled=running):
    progress.start(view, "label", {...})
progress.watch(view, "label", expected=running)     # draws the job under way, else how the last one ended
"""

from __future__ import annotations

import re
from contextlib import closing

import streamlit as st
from sqlite_utils import Database

from core import database, jobs, settings
from core.jobs import pace
from core.jobs.kinds import KINDS
from core.tasks import Task
from core.train import members
from core.ui import access, frame
from core.words import duration, money

ACTIVE = ("queued", "running", "interrupted")
STOP = ("Cancel", "Cancelling …", "cancelled")  # the button, while it takes effect, afterwards
PAUSE = ("Pause", "Pausing …", "paused")  # what is paid for is all kept, and it goes on as if nothing had been


def watch(view: frame.View, *kinds: str, expected: bool = False, about: dict | None = None) -> bool:
    """Show the client's job of these kinds while one is under way (True), else what became of the last one (False).

    `expected`: the page has been drawn for a job under way; should it have ended meanwhile, the page is drawn anew.
    `about`: what is on the page now; a last job with other values for these of its params is about something else and not shown.
    """
    running = next((job for job in jobs.active(view.db, view.chosen) if job.kind in kinds), None)
    if running:
        _live(running.id)
        return True
    if expected:
        st.rerun()
    last = next((job for job in jobs.recent(view.db, view.chosen, limit=50) if job.kind in kinds), None)
    if last and all(last.params.get(name) == value for name, value in (about or {}).items()):
        _ended(view, last)
    return False


def active(view: frame.View, *kinds: str) -> bool:
    """Whether a job of these kinds is under way for the client."""
    return any(job.kind in kinds for job in jobs.active(view.db, view.chosen))


def start(view: frame.View, kind: str, params: dict, task: Task | None = None) -> None:
    """Queue a job and show it; the same job asked for twice is one job."""
    of = task or view.chosen
    access.need(KINDS[kind].deed, of and of.client_id)
    jobs.start(view.db, kind, params, of)
    _start_worker(str(settings.home()))
    st.rerun()


@st.fragment(run_every=1.0)
def _live(job_id: int) -> None:
    with frame.guard(), closing(database.connect()) as db:
        job = jobs.get(db, job_id)
        if job.state not in ACTIVE or _moved_on(job):
            st.rerun()
        with st.container(border=True):
            _bar(db, job)
            if not jobs.worker_alive():
                st.caption("The background worker is not running; starting it. The job goes on where it stopped.")
                _start_worker(str(settings.home()))
            stop, stopping, _ = _stopping(job)
            st.button(
                stopping if job.cancel_asked else stop,
                key=f"cancel-{job.id}",
                disabled=bool(job.cancel_asked),
                on_click=_cancel,  # runs first: else a click would be lost where the page is drawn anew above
                args=(job.id,),
                help="Stops at the next safe point. What is done so far stays and is not done again.",
            )


def _stopping(job: jobs.Job) -> tuple[str, str, str]:
    return PAUSE if KINDS[job.kind].pauses else STOP


def _cancel(job_id: int) -> None:
    with frame.guard(), closing(database.connect()) as db:
        job = jobs.get(db, job_id)
        access.need(KINDS[job.kind].deed, job.client_id)
        jobs.cancel(db, job_id)


def _moved_on(job: jobs.Job) -> bool:
    """Whether the job has reached another phase since this session looked: then counts elsewhere on the page are old."""
    phase = re.sub(r"\d[\d,]*", "", job.message)
    before = st.session_state.get(f"phase-{job.id}")
    st.session_state[f"phase-{job.id}"] = phase
    return before is not None and before != phase


@st.cache_resource(ttl=10, show_spinner=False)
def _start_worker(home: str) -> None:
    """At most one attempt in ten seconds and workspace: a worker needs a moment until it shows."""
    jobs.start_worker()


def _bar(db: Database, job: jobs.Job) -> None:
    """The whole job's bar and time where one like it has run before; else those of its present phase."""
    doing = KINDS[job.kind].doing
    if job.state == "queued":
        st.progress(0.0, text=f"**{doing}** · waiting for the background worker")
        return
    parts = [f"**{doing}**"]
    if job.message.startswith(f"{doing} "):
        parts = [f"**{doing}** {frame.plain(job.message.removeprefix(doing))}"]
    elif job.message:
        parts.append(frame.plain(job.message))
    if job.total > 1:
        units = KINDS[job.kind].units
        parts.append(f"{job.done:,} of {job.total:,}{units and f' {units}'}")
    going = not job.total or job.done < job.total  # a step that is done says nothing of the one that is being prepared
    if job.rate and going:
        parts.append(f"{job.rate:,.0f} a second" if job.rate >= 2 else f"{60 * job.rate:,.1f} a minute")
    whole = pace.forecast(db, job) if job.state == "running" else None
    if whole:
        parts.append(f"about {duration(whole.seconds_left)} left" if whole.seconds_left >= 1 else "nearly done")
    elif job.seconds_left is not None and going:
        parts.append(f"about {duration(job.seconds_left)} left of this step")
    if job.spent_usd:
        parts.append(f"{money(job.spent_usd)} spent".replace("$", "\\$"))
    st.progress(_share(job, whole), text=" · ".join(parts))
    student = job.params.get(KINDS[job.kind].student)
    if student and whole is None and job.state == "running" and not pace.before(db, job):
        ahead = members.choice(student).ahead
        st.caption(f"None like it has ended on this machine yet, so there is no forecast of the whole. {ahead}")


def _share(job: jobs.Job, whole: pace.Forecast | None) -> float:
    """How full the bar is. A whole job's never goes back, though its forecast may."""
    if whole is None:
        return min(job.fraction or 0.0, 1.0)
    key = f"share-{job.id}"
    st.session_state[key] = max(st.session_state.get(key, 0.0), min(whole.share, 1.0))
    return st.session_state[key]


def _ended(view: frame.View, job: jobs.Job) -> None:
    what = KINDS[job.kind].doing
    if job.state == "failed":
        st.error(f"{what} stopped: {frame.plain(job.error or 'no reason was recorded')}", icon=":material/error:")
    elif job.state == "cancelled":
        st.warning(
            f"{what} was {_stopping(job)[2]} at {job.done:,} of {job.total:,}. What was done is kept.",
            icon=":material/info:",
        )
    else:
        return
    again = "Try again" if job.state == "failed" else "Carry on"
    if st.button(again, key=f"resume-{job.id}", icon=":material/resume:"):
        access.need(KINDS[job.kind].deed, job.client_id)
        jobs.resume(view.db, job.id)
        _start_worker(str(settings.home()))
        st.rerun()
