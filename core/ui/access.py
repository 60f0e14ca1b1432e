"""Who sits here and what they may do: asked by the frame of every page, by buttons, callbacks and fragments.

    access.may("promote")                     # may this person, at the chosen client?
    access.need("label")                      # else an InputError that says so
    access.button("train", "Train")           # a button, without effect for who may not
    @access.deed("review")                    # a callback that checks first

Alone (the dashboard listens on this machine only) nobody logs in and everything may be done. Together (UNDERSTUDY_LOGIN, which
run.py sets with --host and --login, or Streamlit's own server.address) an OpenID provider says who comes, and people and roles are
read anew each time: what is taken away is gone with the next click of an old session.
"""

from __future__ import annotations

import functools
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import streamlit as st
from sqlite_utils import Database
from streamlit import config
from streamlit.runtime.memory_media_file_storage import _calculate_file_id
from streamlit.runtime.scriptrunner import get_script_run_ctx

from core import audit, database, people, tasks
from core.errors import InputError
from core.escape import plain
from core.people import Person, rights
from core.people.rights import ADMINISTRATOR
from core.ui.menu import MENU

NOT_YOURS = ("This is not yours to do.", "Ask an administrator.")
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def together() -> bool:
    """Whether the dashboard can be reached from elsewhere, so that people log in."""
    return bool(os.environ.get("UNDERSTUDY_LOGIN")) or config.get_option("server.address") not in LOOPBACK


def claims() -> dict[str, Any]:
    """What the OpenID provider says of who is logged in; {} for nobody. The one place that asks Streamlit."""
    return dict(st.user.to_dict())


def address() -> str:
    """The address that somebody has logged in with, "" for nobody. InputError as `address_in` says."""
    return address_in(claims())


def address_in(said: dict[str, Any]) -> str:
    """The address in an OpenID provider's claims, "" where nobody is logged in. InputError where there is none, or the provider
    does not vouch for it."""
    if not said.get("is_logged_in"):
        return ""
    email = str(said.get("email") or "").strip().casefold()
    if not email:
        raise InputError("The login says no e-mail address.", "Have your provider hand on the claim email.")
    if said.get("email_verified") in (False, "false", "False"):
        raise InputError(f"{email} is not verified with your provider.", "Verify it there, then log in again.")
    return email


def acting() -> str | None:
    """For the audit trail: the address of who is logged in here, None alone or outside the dashboard."""
    return (address() or None) if get_script_run_ctx(suppress_warning=True) and together() else None


audit.ask(acting)


def person(db: Database) -> Person | None:
    """Who sits here; None alone. InputError for nobody or a stranger."""
    if not together():
        return None
    found = people.find(db, address() or "-")
    if found is None:
        raise InputError(
            "You have no way in here.", "Ask an administrator to let you in under the address you log in with."
        )
    return found


def role(db: Database, client_id: int | None) -> str | None:
    """The role of who sits here at a client; the widest anywhere without one. Administrator where somebody is alone."""
    who = person(db)
    return ADMINISTRATOR if who is None else people.role_at(db, who, client_id)


def may(deed: str, client_id: int | None = None) -> bool:
    """Whether who sits here may do this at a client (the chosen one unless another is named). KeyError for an unknown deed."""
    if not together():
        return rights.may(ADMINISTRATOR, deed)
    with closing(database.connect()) as db:
        return rights.may(role(db, client_id or st.session_state.get("client_id")), deed)


def need(deed: str, client_id: int | None = None) -> None:
    """InputError where who sits here may not do this."""
    if not may(deed, client_id):
        raise InputError(NOT_YOURS[0], _whose(deed))


def _whose(deed: str) -> str:
    return f"It takes the role {' or '.join(rights.DEEDS[deed] or (ADMINISTRATOR,))}; ask an administrator."


def button(deed: str, label: str, *, draw: Callable[..., bool] = st.button, **options: Any) -> bool:
    """A button that does this `deed`: whether who sits here has pressed it. For who may not do it, it is drawn without effect and
    its hint says whose it is; a browser that sends its press all the same gets nothing. `draw`: a form's, or a column's."""
    if may(deed):
        return draw(label, **options)
    draw(label, **options | {"disabled": True, "help": f"{NOT_YOURS[0]} {_whose(deed)}"})
    return False


def deed(name: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorates a callback: it runs only where who clicks may do this, for callbacks run before the page, which would refuse."""

    def checking(does: Callable[..., None]) -> Callable[..., None]:
        @functools.wraps(does)
        def checked(*args: Any, **kwargs: Any) -> None:
            try:
                need(name)
            except InputError as error:
                st.toast(plain(str(error)), icon=":material/lock:")
                return
            does(*args, **kwargs)

        return checked

    return checking


def download(
    label: str, data: bytes | str | Callable[[], bytes | str], *, deed: str = "download", what: str = "", **options: Any
) -> None:
    """A download button for who may do this `deed`, nothing for others. What it gives is made when it is asked for, and only then:
    whether it is still theirs is asked again, and the audit trail has it, `what` naming it (else its file)."""
    client_id, task_id = st.session_state.get("client_id"), st.session_state.get("task_id")
    if not may(deed, client_id):
        return
    who = (address() if together() else None) or None

    def made() -> bytes | str:
        with closing(database.connect()) as db:
            if who:
                found = people.find(db, who)
                if found is None or not rights.may(people.role_at(db, found, client_id), deed):
                    raise InputError(*NOT_YOURS)
            task = tasks.get(db, task_id) if task_id else None
            audit.record(
                db,
                "export" if deed == "export" else "download",
                task=task,
                what=what or options.get("file_name", label),
                who=who,
            )
        content = data() if callable(data) else data
        if who:
            _given(content, options.get("mime"), options.get("file_name"), who)
        return content

    st.download_button(label, made, **options)


_givings: dict[str, set[str]] = {}  # a file held for a download, by Streamlit's id -> the addresses it was made for


def _given(content: bytes | str, mime: str | None, name: str | None, who: str) -> None:
    raw = content.encode() if isinstance(content, str) else content
    kind = mime or ("text/plain" if isinstance(content, str) else "application/octet-stream")
    _givings.setdefault(_calculate_file_id(raw, kind, name), set()).add(who)


def given_to(file_id: str) -> set[str]:
    """The addresses that a file held for a download was made for, by its id in Streamlit's link."""
    return _givings.get(file_id, set())


def own(db: Database, clients: list[dict]) -> list[dict]:
    """Of these clients (rows with an id) those that who sits here has a role at: the others are as if they did not exist."""
    who = person(db)
    if who is None or who.administrator:
        return clients
    mine = people.roles_of(db, who)
    return [row for row in clients if row["id"] in mine]


def only(db: Database, client_ids: set[int]) -> set[int]:
    """Of these clients' ids those that are one's own."""
    return {row["id"] for row in own(db, [{"id": id} for id in client_ids])}


def pages(db: Database, client_id: int | None) -> set[str]:
    """The pages that who sits here sees with this client chosen."""
    held, widest = role(db, client_id), role(db, None)
    of_chosen = {key: item.needs_client or bool(item.of_client and client_id) for key, item in MENU.items()}
    return {key for key, chosen in of_chosen.items() if rights.sees(held if chosen else widest, key)}


def sees(key: str, client_id: int | None = None) -> bool:
    """Whether who sits here sees this page with this client (the chosen one unless another is named): links to others are not
    drawn."""
    if not together():
        return True
    with closing(database.connect()) as db:
        return key in pages(db, client_id or st.session_state.get("client_id"))


def limit(db: Database, client_id: int | None) -> None:
    """Let a page's connection write to no more than the role of who sits here does (rights.WRITES), whatever stands on the page."""
    held = role(db, client_id)
    if held not in rights.WRITES:
        return
    allowed = rights.WRITES[held] | {"sqlite_master"}  # where SQLite declares what json_each() reads

    def authorise(action: int, table: str | None, _column: str | None, base: str | None, _by: str | None) -> int:
        writes = action in (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)
        return sqlite3.SQLITE_DENY if writes and base != "temp" and table not in allowed else sqlite3.SQLITE_OK

    db.conn.set_authorizer(authorise)


def refused(error: Exception) -> InputError | None:
    """The sentence for a write that `limit` stopped."""
    stopped = isinstance(error, sqlite3.DatabaseError) and getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_AUTH
    return InputError(*NOT_YOURS) if stopped and together() else None


def guard_page(db: Database, key: str, client_id: int | None) -> None:
    """InputError where who sits here does not see the page with this client chosen."""
    if key in pages(db, client_id):
        return
    whom = rights.PAGES[key] or (ADMINISTRATOR,)
    whose = "here" if client_id else "at any client"
    held = role(db, client_id)
    is_what = f"you are {held} {whose}" if held else f"you have no role {whose}"
    raise InputError(
        f"The page {MENU[key].name} is for {' and '.join(f'{one}s' for one in whom)}, and {is_what}.",
        "Ask an administrator.",
    )


def reviewer() -> str | None:
    """The name that decisions are kept under: who is logged in; None alone, where it is asked for."""
    return address() if together() else None
