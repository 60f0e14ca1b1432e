"""What is known of a text in one facet without asking: a label of the client's own, or what the model has said before to the
facet's own question, whatever it was asked about together with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlite_utils import Database

from core.label import labels
from core.label.buying import kept_replies
from core.label.consulting import Consultation
from core.label.teachers import Answer
from core.label.teachers.hosted import Hosted
from core.label.teachers.joint import together
from core.tasks import Task


@dataclass(frozen=True)
class Asked:
    """A facet's teacher, as it is asked alone, and the label run that asks this way (None: there is none)."""

    task: Task
    teacher: Hosted
    run_id: int | None


def answers(db: Database, facets: Sequence[Asked], text: str) -> dict[int, Answer]:
    """What is known of a text, by the place of the facet; those that nothing is known of are missing."""
    found = {place: label(db, facet, text) or replayed(db, facet, text) for place, facet in enumerate(facets)}
    return {place: replace(answer, facet=place) for place, answer in found.items() if answer}


def label(db: Database, facet: Asked, text: str) -> Answer | None:
    """The label that the facet's run holds of an asset with this text."""
    return labels.of_text(db, facet.task.client_id, facet.run_id, text, facet.teacher.looks)


def replayed(db: Database, facet: Asked, text: str) -> Answer | None:
    """What the replies kept to the facet's own question come to, with all their votes; None where one is missing."""
    own = together([(facet.task, facet.teacher)])
    ((assets, question),) = own.asking.requests([own.about(text)])
    talk = Consultation(own, assets, question)
    keys = [own.key(one) for one in talk.requests]
    replies = kept_replies(db, facet.task.client_id, keys)
    for key, one in zip(keys, talk.requests):
        if key not in replies:
            return None
        read = talk.read(one, replies[key], 0.0)
        if any(answered.problem for answered in read):
            return None
        if talk.vote(read):
            break
    (answer,) = talk.answers()
    return answer
