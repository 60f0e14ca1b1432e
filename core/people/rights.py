"""The one table of who may do what: which role sees which page, and which may do which kind of deed.

    rights.sees("viewer", "compare")         # True
    rights.may("reviewer", "promote")        # False

An administrator is of the house and may do everything; the other roles are of a client. Pages, buttons, callbacks, jobs and
downloads ask here (core/ui/access.py); a page or deed that is missing raises KeyError.
"""

from __future__ import annotations

ADMINISTRATOR, MANAGER, REVIEWER, VIEWER = "administrator", "manager", "reviewer", "viewer"
OF_CLIENT = (MANAGER, REVIEWER, VIEWER)
NAMES = {  # a role, and what it is for
    ADMINISTRATOR: "Administrator: everything, every client, people, keys and prices",
    MANAGER: "Manager: imports, buys labels, trains, puts to work and sets caps for the client",
    REVIEWER: "Reviewer: settles labels and drafts of the client",
    VIEWER: "Viewer: reads the client's verdict and report",
}
HOUSE: tuple[str, ...] = ()  # administrators alone

# Every page of the menu: which roles at the chosen client see it.
PAGES: dict[str, tuple[str, ...]] = {
    "overview": OF_CLIENT,
    "assets": (MANAGER,),
    "taxonomy": (MANAGER,),
    "teacher": (MANAGER,),
    "student": (MANAGER,),
    "review": (MANAGER, REVIEWER),
    "compare": (MANAGER, VIEWER),
    "try_one": (MANAGER,),
    "write": (MANAGER,),
    "blind": (MANAGER, REVIEWER),
    "deploy": (MANAGER,),
    "watch": (MANAGER, VIEWER),
    "vendor": (MANAGER,),
    "connections": HOUSE,
    "ledger": (MANAGER,),
    "settings": HOUSE,
    "people": HOUSE,
    "audit": (MANAGER,),
}

# Every kind of deed: which roles at the client may do it.
DEEDS: dict[str, tuple[str, ...]] = {
    "import": (MANAGER,),  # assets, taxonomies, labels of a file
    "label": (MANAGER,),  # buy from a model
    "budget": (MANAGER,),  # caps
    "review": (MANAGER, REVIEWER),
    "train": (MANAGER,),
    "promote": (MANAGER,),
    "use": (MANAGER,),  # have the student do a file
    "settings": (MANAGER,),  # the client's rules, guide, target
    "download": (MANAGER, VIEWER),  # the report and figures
    "export": (MANAGER,),  # students and the texts they were made of
    "delete": (MANAGER,),  # assets, students, imports
    "backup": HOUSE,
    "house": HOUSE,  # clients and tasks added, renamed, deleted for good; connections, keys, prices, brand, people
}

# What a page's own connection to the database may write to, whatever stands on the page (core/ui/access.py); managers are not
# limited. Decisions of reviewers are made by callbacks, each checked by itself.
WRITES: dict[str | None, frozenset[str]] = {
    REVIEWER: frozenset({"jobs", "audit_trail", "sqlite_sequence"}),
    VIEWER: frozenset(),
    None: frozenset(),
}


def sees(role: str | None, page: str) -> bool:
    """Whether somebody of this role (None: none) sees a page. KeyError for a page that the table does not have."""
    return role == ADMINISTRATOR or role in PAGES[page]


def may(role: str | None, deed: str) -> bool:
    """Whether somebody of this role (None: none) may do a deed. KeyError for one that the table does not have."""
    return role == ADMINISTRATOR or role in DEEDS[deed]
