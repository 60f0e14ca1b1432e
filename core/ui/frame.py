"""The frame around every page: menu, pickers of client and task, where the task stands, title, and the one place errors are caught.

Every page reads

    with frame.page("teacher") as view:
        ...view.db, view.task, view.client...

A page opened by its own address on a fresh server runs without app.py; the frame then builds the menu itself, so such a page
is as guarded as one reached through the menu. Whatever a person can put right (InputError) is shown as one sentence; anything
else surfaces as a failure and is logged by Streamlit.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import groupby

import streamlit as st
from sqlite_utils import Database
from streamlit.errors import StreamlitPageNotFoundError
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import database, tasks
from core.errors import InputError, damaged, outside
from core.escape import plain
from core.settings import ROOT
from core.task_kinds import KINDS
from core.tasks import Task
from core.ui import access, address, door, put_back, standing
from core.ui.menu import MENU, Item
from core.ui.standing import Standing

LOOK = 2.0  # seconds between looks at where a busy client stands
PATH = ("assets", "teacher", "student")  # the pages on the way to a verdict, which say what is next
SYNTHETIC = "This client is made up: a program wrote its texts, and its recorded labels stand in for a large model's."
VERDICT_LOOK = {  # colour of a badge, icon
    "replace": ("green", ":material/check_circle:"),
    "fallback": ("blue", ":material/alt_route:"),
    "not_ready": ("orange", ":material/hourglass_top:"),
    "decision_model": ("blue", ":material/quick_reference:"),
    "trial": ("gray", ":material/science:"),
    "alone": ("green", ":material/check_circle:"),
    "drafts": ("blue", ":material/edit_note:"),
    "not_yet": ("orange", ":material/hourglass_top:"),
}


@dataclass(frozen=True)
class View:
    """What a page works with: its database connection (closed after the page), the chosen client's name, and the task chosen of it
    (None: no client yet)."""

    db: Database
    client: str
    chosen: Task | None

    @property
    def task(self) -> Task:
        """The chosen task, for pages that need a client."""
        assert self.chosen is not None
        return self.chosen

    @property
    def client_id(self) -> int | None:
        return self.chosen.client_id if self.chosen else None


def menu() -> st.Page:
    """Register the pages with Streamlit and return the one the address asks for. The links to them are the sidebar's own: what
    Streamlit would draw is a list with headings inside it, which a screen reader cannot make sense of."""
    # Before the navigation: it would else fetch a page's icon for the browser's tab from a font server.
    st.set_page_config(page_title="Understudy", layout="wide", page_icon=str(ROOT / "static" / "icon.png"))
    entries = [
        st.Page(
            ROOT / "pages" / f"{key}.py",
            title=item.name,
            icon=f":material/{item.icon}:",
            url_path="" if key == "overview" else key,
            default=key == "overview",
        )
        for key, item in MENU.items()
    ]
    st.session_state["menu"] = True
    return st.navigation(entries, position="hidden")


@contextmanager
def page(key: str) -> Iterator[View]:
    """Draw the frame of page `key` and yield what it works with; stop early where the page needs a client and there is none."""
    if "menu" not in st.session_state:
        menu()
        st.rerun()
    item, ready = MENU[key], False
    with guard(anew=False, whole_page=True):
        door.pass_through()
        st.session_state[PAGE] = key
        st.set_page_config(page_title=_tab(item))
        st.logo(str(ROOT / "static" / "logo.svg"), size="large")
        door.way_out()
        with closing(database.connect()) as db:
            clients = access.own(db, standing.clients(db))
            task, client, where = _sidebar(db, clients, item)
            access.guard_page(db, key, task and task.client_id)
            st.set_page_config(page_title=_tab(item, where.name if where else ""))
            with _held_for(key, task and task.id):
                st.title(item.title, anchor=False)
                whose = f":material/folder_shared: **{plain(where.name)}** · " if where and item.of_client else ""
                made_up = item.needs_client and where and where.synthetic
                st.caption(whose + item.sentence + (f"  \n:material/science: {SYNTHETIC}" if made_up else ""))
                if item.needs_client and task is None:
                    nothing_yet("There is no client yet.", "overview", "Run the sample client or add your own")
                if item.needs_client and task.kind not in item.kinds:
                    _other_kind(task, item)
                ready = True
                access.limit(db, task and task.client_id)
                if key in PATH and where:
                    _steps(where)
                yield View(db, client, task)
                if key in PATH and where and not where.busy:
                    _onward(key, where)
    if not ready:  # the sentence stands in the page's place
        st.stop()


def _tab(item: Item, client: str = "") -> str:
    """The title of the browser's tab, which tells two clients' tabs apart."""
    return " · ".join(part for part in (client if item.of_client else "", item.name, "Understudy") if part)


HELD_FOR = "held-for"  # the task whose files, choices and words the session holds
PAGE = "page"  # the page that is drawn, for its fragments
OF_THE_PERSON = {
    "menu",
    HELD_FOR,
    PAGE,
    door.GREETED,
    "reviewer-name",
    "removed",
    *address.HELD,
}  # who sits here stays, whoever the client


@contextmanager
def _held_for(key: str, task_id: int | None) -> Iterator[None]:
    """What a page holds belongs to its task: a file uploaded for one is not there for the next, nor is any choice.

    A change of task empties the session, and widgets are of this page and this task: Streamlit tells widgets apart by the
    page they are on, so that another task's are others, with or without a key, and the browser sends their values to none else.
    """
    if st.session_state.get(HELD_FOR, task_id) != task_id:
        for name in set(st.session_state) - OF_THE_PERSON:
            del st.session_state[name]
    st.session_state[HELD_FOR] = task_id
    with get_script_run_ctx().run_with_active_hash(f"{key}-{task_id}"):
        yield


@contextmanager
def guard(*, anew: bool = True, whole_page: bool = False) -> Iterator[None]:
    """Show what a person can put right (core.errors.outside) as one sentence. Also used by fragments, which run without the page
    around them: whether the page is still this person's is asked `anew`. Where the `whole_page` cannot be drawn for a damaged
    database, what puts its newest backup back is offered."""
    begun = False
    try:
        if anew and access.together() and PAGE in st.session_state:
            with closing(database.connect()) as db:
                access.guard_page(db, st.session_state[PAGE], st.session_state.get("client_id"))
        begun = True
        yield
    except Exception as error:
        fault = access.refused(error) or outside(error)
        if fault is None:
            raise
        st.error(plain(str(fault)), icon=":material/error:")
        if whole_page and damaged(error):
            put_back.offer()
        if not begun:
            st.stop()  # nothing of what is guarded is drawn


def link(key: str, label: str | None = None, to: dict[str, str] | None = None, icon: str | None = None) -> None:
    """A link to another page of the menu, of the task chosen here or of what `to` names (the address's parameters); its name alone
    where a page is run by itself, outside the app."""
    if not access.sees(key):
        return
    label = label or MENU[key].name
    carried = address.carried() if to is None else to
    icon = f":material/{icon or MENU[key].icon}:"
    try:
        st.page_link(str(ROOT / "pages" / f"{key}.py"), label=label, icon=icon, query_params=carried)
    except StreamlitPageNotFoundError:
        st.text(label)


def go(key: str) -> None:
    """Open another page of the menu now."""
    st.switch_page(str(ROOT / "pages" / f"{key}.py"), query_params=address.carried())


def unpriced() -> None:
    """Where a model's price is not known: nothing is bought, and where to give it."""
    st.warning("Nobody knows what this model charges, so nothing is bought.", icon=":material/money_off:")
    link("connections", "Give its price with the connection")


def nothing_yet(what: str, key: str, label: str) -> None:
    """An empty page: what is missing, and the link to where it comes from. Ends the page."""
    missing(what, key, label)
    st.stop()


def _other_kind(task: Task, item: Item) -> None:
    """A page that is for tasks of another kind: says so, and ends."""
    meant = " or ".join(f"“{KINDS[kind].label}”" for kind in item.kinds)
    what = f"This page is for tasks of the kind {meant}; {task.name} is of the kind “{KINDS[task.kind].label}”."
    with st.container(border=True):
        st.write(plain(what))
        link(KINDS[task.kind].page, f"To the page {MENU[KINDS[task.kind].page].name}")
        link("overview", "Choose another task, or add one")
    st.stop()


def missing(what: str, key: str, label: str) -> None:
    """What is missing, and the link to where it comes from."""
    with st.container(border=True):
        st.write(plain(what))
        link(key, label)


def _links(own: set[str], kind: str = database.FIRST_TASK[1]) -> None:
    """The menu: a link a page that is one's `own` and for tasks of this kind, under the headings of its sections."""
    shown = [(key, item) for key, item in MENU.items() if key in own and (not item.needs_client or kind in item.kinds)]
    for section, items in groupby(shown, lambda entry: entry[1].section):
        with st.sidebar.container(gap="xxsmall"):
            if section:
                st.caption(section)
            for key, _ in items:
                link(key)


def _sidebar(db: Database, clients: list[dict], item: Item) -> tuple[Task | None, str, Standing | None]:
    """The menu, the pickers of client and task and where the task stands; the chosen task, its client's name and its standing.
    An address that names a client who is not there gets a sentence, and a page that needs one ends with it."""
    if not clients:
        _links(access.pages(db, None))
        st.sidebar.caption("No client yet.")
        return None, "", None
    names = {row["id"]: row["name"] for row in clients}
    chosen, there, amiss = None, [], None
    try:
        chosen = address.task_of(db, clients)
        there = tasks.of_client(db, chosen.client_id)
        address.choose(chosen, names[chosen.client_id], len(there) > 1)
    except InputError as error:
        amiss = error
    _links(access.pages(db, chosen and chosen.client_id), chosen.kind if chosen else database.FIRST_TASK[1])
    _picker(db, names, chosen)
    _tasks(there, chosen, names)
    if amiss:
        st.error(plain(str(amiss)), icon=":material/error:")
        if item.needs_client:
            st.stop()
        return None, "", None
    where = standing.of(db, chosen)
    with st.sidebar:
        st.fragment(_stands, run_every=LOOK if where.busy else None)(chosen, where)
    return chosen, names[chosen.client_id], where


def _stands(task: Task, before: Standing) -> None:
    """The sidebar's lines. While something is under way they follow it, and when it ends the page is drawn anew: it may have ended
    between the drawing of these lines and of the page, or the page may be one that watches no job."""
    with guard(anew=False):
        where = before
        if before.busy:
            with closing(database.connect()) as db:
                if not access.only(db, {task.client_id}):
                    st.rerun()  # the role is gone, which the whole page says
                where = standing.of(db, task)
            if not where.busy:
                st.rerun()
        with st.container(gap=None):
            for name, state in where.lines():
                with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
                    st.caption(name)
                    st.text(state, text_alignment="right")


def _steps(where: Standing) -> None:
    """The way from files to a verdict: what is done, what is next, what comes after, each a link."""
    steps = where.steps()
    first = next((key for key, _, done in steps if not done), None)
    with st.container(horizontal=True, gap="small", key="steps"):
        for number, (key, name, done) in enumerate(steps, 1):
            icon = "check_circle" if done else "arrow_circle_right" if key == first else "radio_button_unchecked"
            link(key, f"{number} · {name}", icon=icon)


def _onward(key: str, where: Standing) -> None:
    """At the page's end: the next step, where this page has done its own."""
    there, what = where.next_step()
    if there != key:
        with st.container(border=True, horizontal=True, key="onward"):
            link(there, f"Next: {what[0].lower()}{what[1:]}", icon="arrow_forward")


def _picker(db: Database, names: dict[int, str], chosen: Task | None) -> None:
    ids = list(names)
    index = ids.index(chosen.client_id) if chosen else None
    with st.sidebar:
        picked = st.selectbox("Client", ids, index=index, format_func=names.__getitem__, placeholder="Choose a client")
    if picked is not None and (
        chosen is None or picked != chosen.client_id
    ):  # drawn anew, with every link leading there
        open_client(db, picked)
        st.rerun()


def open_client(db: Database, client_id: int) -> None:
    """Choose a client, with the task of it that something happened to last."""
    where = standing.of(db, tasks.get(db, standing.most_recent(db, client_id)))
    address.choose(where.task, where.client, where.several)


def _tasks(there: list[Task], chosen: Task | None, names: dict[int, str]) -> None:
    """The picker of the client's tasks, where it has several."""
    if chosen is None or len(there) < 2:
        return
    by_id = {task.id: task for task in there}
    with st.sidebar:
        ids = list(by_id)
        picked = st.selectbox("Task", ids, index=ids.index(chosen.id), format_func=lambda id: by_id[id].name)
    if picked != chosen.id:
        address.choose(by_id[picked], names[chosen.client_id], True)
        st.rerun()
