"""What is offered where the database is damaged: the newest backup, put back with a click. Works without the database."""

from __future__ import annotations

import shlex
from pathlib import Path

import streamlit as st

from core import jobs, settings
from core.errors import outside
from core.escape import plain
from core.keeping import backup
from core.keeping.restore import restore
from core.ui import access
from core.words import duration

ELSEWHERE = "python3 run.py restore --from F.zip"


def offer() -> None:
    """The newest backup and how old it is, with the click and the command that put it back; together the command alone, for whose
    rights are whose stands in the database."""
    with st.container(border=True, key="put-back"):
        st.subheader("Put a backup back", anchor=False)
        if access.together():
            st.write(
                "Whoever runs the dashboard does it at its computer; while the database is damaged, nobody's rights can be told. "
                "The newest backups are named in backups.json, in the workspace's folder."
            )
            st.code(ELSEWHERE, language="bash")
            return
        found = backup.newest(settings.home())
        if found is None:
            st.write("No backup of this workspace is known here. If you have one elsewhere:")
            st.code(ELSEWHERE, language="bash")
            return
        st.markdown(
            plain(
                f"The newest backup was made {when(found)}: {found.path} ({found.bytes / 1e6:,.1f} MB). It is verified before "
                "anything is replaced, and what is here now is kept aside. What was done since then is only in what is kept aside."
            )
        )
        st.code(command(found), language="bash", wrap_lines=True)
        if st.button("Put this backup back", type="primary", icon=":material/settings_backup_restore:"):
            _put_back(found)


def when(made: backup.Backup) -> str:
    """When a backup was made and how long ago, in words."""
    return f"on {made.made[:16].replace('T', ' ')} UTC, {duration(backup.age(made.made))} ago"


def command(made: backup.Backup) -> str:
    """The line that puts a backup back."""
    return f"python3 run.py restore --from {shlex.quote(made.path)}"


def _put_back(found: backup.Backup) -> None:
    """Restore, without the background worker, which would hold on to what is replaced."""
    jobs.stop_worker()
    bar = st.progress(0.0, text="Reading the backup")
    try:
        restore(Path(found.path), settings.home(), _Bar(bar))
    except Exception as error:
        fault = outside(error)
        if fault is None:
            raise
        st.error(plain(str(fault)), icon=":material/error:")
        return
    st.cache_data.clear()
    st.cache_resource.clear()
    st.rerun()


class _Bar(jobs.NoProgress):
    """Progress as a bar."""

    def __init__(self, bar):
        self._bar = bar

    def __call__(self, done: int, total: int, message: str = "", spent_usd: float = 0.0) -> None:
        self._bar.progress(done / total if total else 0.0, text=plain(message))
