"""Whether a student's answer, in words, is its teacher's."""

from __future__ import annotations

from core.evaluate.tags import TAGS
from core.taxonomy import tagsets


def agreed(student: str, teacher: str, promised: str) -> float:
    """1 where both say the same, else 0; where tags are `promised`, the share of the student's that are the teacher's (none
    given: 1)."""
    if promised != TAGS:
        return float(student == teacher)
    if student == tagsets.NONE:
        return 1.0
    given = student.split(tagsets.JOINED)
    return len(set(given) & set(teacher.split(tagsets.JOINED))) / len(given)
