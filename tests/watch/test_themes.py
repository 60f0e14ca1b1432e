"""What is unlike anything seen is put in groups that people can name."""

from __future__ import annotations

import random
import time
from contextlib import closing

import pandas as pd
import pytest

from core import database, tasks, taxonomy
from core.errors import InputError
from core.taxonomy import versions
from core.watch import served, themes
from tests import small
from tests.watch.test_served import row

GROUPS = {
    "coins": ["bitcoin", "wallet", "crypto", "blockchain", "token", "exchange", "coin", "mining"],
    "pets": ["puppy", "kitten", "leash", "kennel", "veterinary", "paws", "collar", "treats"],
}
COMMON = ["how", "can", "get", "with", "the", "for", "your", "today", "best", "new", "please", "about"]
HOSTILE = "<img src=x onerror=alert(1)> bitcoin wallet crypto =HYPERLINK(1) **bold** token exchange"


def texts(count: int, words: list[str], seed: int) -> list[str]:
    dice = random.Random(seed)
    return [" ".join(dice.sample(words, 4) + dice.sample(COMMON, 5)) + f" {n}" for n in range(count)]


def strange(said: list[str], **more) -> list:
    return [row(text, at=float(at), strange=True, handled=False, **more) for at, text in enumerate(said)]


def put(rows) -> tasks.Task:
    db = database.connect()
    task = tasks.of(db, "A")
    with closing(served.answers(task.client_id)) as file:
        served.write(file, [one._replace(task_id=task.id) for one in rows])
    return task


def test_groups_have_words_that_name_them_sizes_and_examples(workspace):
    coins, pets = texts(60, GROUPS["coins"], 1), texts(30, GROUPS["pets"], 2)
    odd = ["a lonely sentence nobody else wrote", "quite another one of its own kind"]
    rows = strange([*coins, *pets, HOSTILE, *odd]) + [row(text) for text in texts(40, COMMON, 3)]
    task = put(rows + strange(coins[:5]))
    said = themes.themes(task)
    first, second = said.groups
    assert len(set(first.words) & set(GROUPS["coins"])) >= 6 and len(set(second.words) & set(GROUPS["pets"])) >= 6
    assert not set(first.words[:6]) & set(COMMON) and len(first.words) <= 12
    assert first.texts >= 55 and first.answers == first.texts + 5 and len(first.examples) == 3
    assert (said.strange, said.untold, said.texts) == (98, 0, 93) and said.single >= 2
    assert sum(one.texts for one in said.groups) + said.single == 93
    assert themes.themes(task) == said


def test_without_texts_only_the_number_is_known(workspace):
    said = themes.themes(put([row("a", strange=True)._replace(text=None)] * 7))
    assert (said.groups, said.strange, said.untold) == ((), 7, 7)


def test_only_the_newest_are_looked_at_however_many_there_are(workspace):
    many = texts(3_000, GROUPS["coins"] + GROUPS["pets"] + COMMON, 4)
    task = put(strange(many * 7))
    begun = time.process_time()
    said = themes.themes(task)
    assert said.texts == themes.MOST and time.process_time() - begun < 3


def test_a_group_becomes_a_category_of_the_draft_and_of_nothing_else(db, tmp_path):
    task = small.fill(db, tmp_path, small.rows(40))
    theme = themes.Theme(9, 12, ("bitcoin", "wallet"), (HOSTILE, "two\nlines"))
    themes.into_draft(db, task, theme, "Coins")
    draft = versions.kept_draft(db, task).draft
    assert draft.categories[-1].name == "Coins" and draft.categories[-1].examples == (HOSTILE, "two lines")
    assert len(taxonomy.load(db, taxonomy.latest(db, task))) == len(draft.categories) - 1
    with pytest.raises(InputError):
        themes.into_draft(db, task, theme, "Coins")


def test_five_intents_of_banking77_that_the_student_never_saw_come_back_as_groups(db, shared_data):
    test = pd.read_csv(shared_data / "banking77" / "test.csv")
    new = [
        "lost_or_stolen_card",
        "exchange_rate",
        "verify_my_identity",
        "top_up_by_card_charge",
        "contactless_not_working",
    ]
    of = dict(zip(test.text, test.label))
    usual = [row(text, at=float(at)) for at, text in enumerate(test[~test.label.isin(new)].text)]
    said = themes.themes(put([*strange(test[test.label.isin(new)].text.tolist()), *usual]))
    shown = [{of[example] for example in group.examples} for group in said.groups[:5]]
    assert all(len(labels) == 1 for labels in shown) and {label for labels in shown for label in labels} == set(new)
    assert all(24 <= group.texts <= 48 for group in said.groups[:5]) and said.single <= 10
