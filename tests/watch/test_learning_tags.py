"""Labels from work that are sets of tags: they join as sets, also as ones never said before, and students meet on whole sets."""

from __future__ import annotations

from core import jobs, tasks
from core.train import registry
from core.watch import learning, meeting, rules
from tests import small
from tests.watch.conftest import serve


def test_sets_join_and_a_challenger_meets_the_student_at_work_on_them(tagged):
    db, task = tagged, tasks.named(tagged, "Northwind")
    registry.set_live(db, 1)
    rules.put_keeping(db, task.client_id, rules.Keeping(texts="asked"))
    asked = [(f"{row['text']} new", row["mood"]) for row in small.tag_rows(120, seed=8)]
    asked = [
        (text, "No tag" if mood == "[]" else "; ".join(one for one in small.WORDS if one in mood))
        for text, mood in asked
    ]
    asked.append(("discount grand careers beach", "Sale; Opening; Hiring; Travel"))  # a set nobody ever said
    serve(db, task, [*asked, ("a text", "Sale; Nonsense")], threshold=2.0)
    found = learning.found(db, task)
    assert (found.new, found.unknown) == (121, 1)
    result = jobs.run_here(db, "learn", {"task_id": task.id, "kind": "linear"}, task=task).result
    assert result["student"] == 2 and result["meeting"]["n"] > 0
    assert meeting.stored(db, task, registry.find(db, task)["id"], 2).n == result["meeting"]["n"]
    sets = db.execute(
        "select distinct c.label from labels l join categories c on c.id = l.category_id where l.chance is not null"
    ).fetchall()
    assert any("; " in label for (label,) in sets) and all("Nonsense" not in label for (label,) in sets)
