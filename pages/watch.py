"""Watch: whether the promise of the student at work still holds, and what a student that answered silently would have done."""

from core.ui import frame, learning, watching
from core.watch import shadow, standing, telling

ENTRY = {
    "place": 95,
    "section": "Use",
    "name": "Watch",
    "icon": "monitor_heart",
    "title": "Does the promise still hold?",
    "sentence": "A random share of what the student answers by itself goes to the teacher too; here stands what that says.",
}


def main() -> None:
    with frame.page("watch") as view:
        now, silent = standing.standing(view.db, view.task), shadow.shadows(view.db, view.task)
        if now.state == standing.NO_STUDENT and not silent:
            frame.nothing_yet(telling.sentence(now), "student", "Put one to work")
        watching.promise(view, now)
        for one in silent:
            watching.silent(view, one)
        watching.over_time(now)
        watching.moved(now)
        watching.changed(view)
        learning.overall(view)
        learning.learn(view)
        learning.contest(view)
        learning.strange(view)
        watching.choices(view, now)
        watching.kept_texts(view)


main()
