"""Whether the labels of a run may teach a student: what a connection says of its maker's terms."""

from __future__ import annotations

from sqlite_utils import Database

from core import tasks
from core.errors import InputError
from core.label.model import connection_of
from core.label.teachers import is_hosted


def must_allow_training(db: Database, run_id: int) -> None:
    """InputError where the run's teacher is a connection whose answers may not train a model. One that is not there any more says
    nothing."""
    task_id, teacher = db.execute("select task_id, teacher from label_runs where id = ?", [run_id]).fetchone()
    if not is_hosted(teacher):
        return
    try:
        connection = connection_of(db, tasks.get(db, task_id).client_id, teacher)
    except InputError:
        return
    if connection.params.may_train is False:
        raise InputError(
            f"By its maker's terms the answers of {connection.name} may not train a model, so no student learns from them.",
            "Train on another teacher's labels. Where the terms have changed, say so on Connections.",
            where=connection.name,
        )
