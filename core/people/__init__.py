"""People who share a workspace: who may log in, and each one's role at each client (rights.py says what a role may do).

    ada = people.add(db, "ada@agency.example", administrator=True)
    people.give(db, people.add(db, "rev@agency.example"), client_id, "reviewer")
    people.role_at(db, people.find(db, "REV@agency.example"), client_id)      # "reviewer"

Whoever has no row has no way in. Every change is in the audit trail, in the same transaction.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlite_utils import Database

from core import audit, database
from core.errors import InputError
from core.people import rights

LONGEST = 254  # characters of an address (RFC 5321, 4.5.3.1.3)


@dataclass(frozen=True)
class Person:
    """Somebody who may log in. `seen`: when they last did, "" for never."""

    id: int
    address: str
    name: str
    administrator: bool
    seen: str


def find(db: Database, address: str) -> Person | None:
    """Who has this address (case ignored); None for a stranger."""
    rows = _select(db, "address = ?", [address.strip().casefold()])
    return rows[0] if rows else None


def everybody(db: Database) -> list[Person]:
    """All people, administrators first, then by address."""
    return _select(db, "1 order by administrator desc, address", [])


def _select(db: Database, where: str, parameters: list) -> list[Person]:
    rows = db.query(
        f"select id, address, name, administrator, ifnull(seen, '') as seen from people where {where}", parameters
    )
    return [Person(**row | {"administrator": bool(row["administrator"])}) for row in rows]


def add(db: Database, address: str, name: str = "", *, administrator: bool = False) -> Person:
    """Let somebody in. InputError for what is no address, or where they are in already."""
    address, name = plain_address(address), " ".join(name.split())[:LONGEST]
    with db.atomic():
        if find(db, address):
            raise InputError(f"{address} is among the people already.", "Change their role below.")
        row = {"address": address, "name": name, "administrator": int(administrator), "created": database.now()}
        db["people"].insert(row)
        audit.record(db, "person", what=address, detail={"added": True, "administrator": administrator})
    return _known(db, address)


def plain_address(address: str) -> str:
    """An address as it is kept. InputError where it cannot be one."""
    address = address.strip().casefold()
    name, at, host = address.rpartition("@")
    if not (name and at and host) or len(address) > LONGEST or not address.isprintable() or " " in address:
        raise InputError(f"“{address}” is no e-mail address.", "Type the address that this person logs in with.")
    return address


def _known(db: Database, address: str) -> Person:
    person = find(db, address)
    if person is None:
        raise InputError(f"{address} is not among the people any more.", "Reload the page.")
    return person


def remove(db: Database, address: str) -> None:
    """Let somebody in no more. InputError for the last administrator."""
    with db.atomic():
        person = _known(db, address)
        _one_stays(db, person)
        db.execute("delete from roles where person_id = ?", [person.id])
        db.execute("delete from people where id = ?", [person.id])
        audit.record(db, "person", what=person.address, detail={"removed": True})


def make_administrator(db: Database, address: str, yes: bool) -> None:
    """Give or take the house. InputError where the last administrator would go."""
    with db.atomic():
        person = _known(db, address)
        if person.administrator == yes:
            return
        if not yes:
            _one_stays(db, person)
        db.execute("update people set administrator = ? where id = ?", [int(yes), person.id])
        audit.record(db, "role", what=person.address, detail={"administrator": yes})


def _one_stays(db: Database, person: Person) -> None:
    others = db.execute("select 1 from people where administrator = 1 and id <> ?", [person.id]).fetchone()
    if person.administrator and not others:
        raise InputError("The last administrator cannot go.", "Make somebody else an administrator first.")


def give(db: Database, person: Person, client_id: int, role: str | None) -> None:
    """Somebody's role at a client; None takes it away. InputError for a role that there is none of."""
    if role is not None and role not in rights.OF_CLIENT:
        raise InputError(f"There is no role {role} at a client.", f"Give one of {', '.join(rights.OF_CLIENT)}.")
    with db.atomic():
        before = role_at(db, person, client_id, of_house=False)
        if before == role:
            return
        db.execute("delete from roles where person_id = ? and client_id = ?", [person.id, client_id])
        if role:
            row = {"person_id": person.id, "client_id": client_id, "role": role, "created": database.now()}
            db["roles"].insert(row)
        detail = {"role": role or "none", "before": before or "none"}
        audit.record(db, "role", client_id=client_id, what=person.address, detail=detail)


def role_at(db: Database, person: Person, client_id: int | None, *, of_house: bool = True) -> str | None:
    """Somebody's role at a client: "administrator" for one of the house, None without any. Without a client the widest of all."""
    if person.administrator and of_house:
        return rights.ADMINISTRATOR
    if client_id is None:
        held = set(roles_of(db, person).values())
        return next((role for role in rights.OF_CLIENT if role in held), None)
    return roles_of(db, person).get(client_id)


def roles_of(db: Database, person: Person) -> dict[int, str]:
    """The clients somebody has a role at, and which."""
    return dict(db.execute("select client_id, role from roles where person_id = ?", [person.id]).fetchall())


def logged_in(db: Database, address: str, first_administrator: str = "") -> Person | None:
    """Who logs in with this address; None for a stranger. Where there is no administrator yet, the address that was named when the
    dashboard was started becomes one."""
    person = find(db, address)
    if address.strip().casefold() == first_administrator.strip().casefold() != "":
        with db.atomic(), audit.acting(address.strip().casefold()):
            if not db.execute("select 1 from people where administrator = 1").fetchone():
                person = person or add(db, address)
                make_administrator(db, person.address, True)
    return find(db, address)


def greeted(db: Database, person: Person) -> None:
    """Note that somebody has logged in."""
    with db.atomic(), audit.acting(person.address):
        db.execute("update people set seen = ? where id = ?", [database.now(), person.id])
        audit.record(db, "login", what=person.address)
