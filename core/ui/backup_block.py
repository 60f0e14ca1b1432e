"""The workspace's backups on the Settings page: when the last one was made and where it is, and a button that makes one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import streamlit as st

from core import settings
from core.keeping import backup
from core.ui import frame, progress, put_back

OLD_S = 7 * 86_400  # after which a backup is called old


def show(view: frame.View) -> None:
    """The block."""
    house = replace(view, chosen=None)  # a backup is nobody's of the clients
    with st.container(border=True, key="backup"):
        st.subheader("Backup", anchor=False)
        found = backup.newest(settings.home())
        if found is None:
            st.caption("This workspace has no backup yet, or none that is still where it was written.")
        else:
            st.markdown(
                frame.plain(
                    f"The last one was made {put_back.when(found)}: {found.path} ({found.bytes / 1e6:,.1f} MB)."
                )
            )
            if backup.age(found.made) > OLD_S:
                st.warning("That is more than a week ago.", icon=":material/history:")
        running = progress.active(house, "backup")
        with frame.guard():
            folder = st.text_input(
                "Folder for backups",
                placeholder=str(settings.home() / "backups"),
                help="A folder on this machine, best on another disk: a backup beside what it is of is lost with it.",
            ).strip()
            if st.button("Back up now", disabled=running, icon=":material/backup:"):
                progress.start(house, "backup", {"to": _folder(folder)})
        progress.watch(house, "backup", expected=running)
        st.caption(
            "Everything of every client as one ZIP, made while work goes on; keys are not in it. "
            "It is put back by `python3 run.py restore --from F.zip`, which keeps what was there aside."
        )


def _folder(typed: str) -> str | None:
    """The folder to write to, made where it is not there. InputError or OSError where it cannot be."""
    if not typed:
        return None
    folder = Path(typed).expanduser().resolve()
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
