"""Whose voice a line is in, probes by contrast, and the longest shared run."""

from __future__ import annotations

from itertools import product

from core import tasks
from core.database import client_id
from core.write import language, likeness, pairs, probes, voice
from tests.write import copy, drafted

LOUD = [
    (f"Brand {n}, shoes", f"GET your {one} {two} now!!! Hurry, hurry, {three} deals!")
    for n, (one, two, three) in enumerate(
        product(
            ["crazy", "wild", "mad", "epic", "huge", "hot"],
            ["socks", "boots", "laces", "heels", "soles"],
            ["super", "mega", "ultra", "top"] * 2,
        )
    )
]
CALM = [(row["brief"], row["copy"]) for row in copy.pairs(240)]


def test_a_voice_is_told_from_others_and_comes_back_from_its_folder(tmp_path):
    told = voice.fit(voice.slotted(CALM[:150]), voice.slotted(LOUD[:90]))
    told.save(tmp_path)
    figures = voice.judged(voice.load(tmp_path), CALM[150:], voice.slotted(LOUD[90:]), CALM[:10] + LOUD[:10])
    assert figures.accuracy.low > 0.9 and figures.human > 0.9 and figures.student == 0.5
    assert abs(figures.ratio - 0.5 / figures.human) < 1e-9
    assert not any("hurry" in piece for piece in told.pieces), "nothing of others' copy is kept"
    assert voice.load(tmp_path / "nowhere") is None


def test_others_are_other_tasks_that_share_no_line_and_too_few_are_refused(db, tmp_path):
    task = drafted.task(db, tmp_path)
    assert "0 lines" in voice.refusal(200, len(voice.others(db, task)[0]))
    other = tasks.add(db, client_id(db, "Southwind"), "Lines", "write")
    rows = [{"brief": brief, "copy": text} for brief, text in LOUD]
    path = copy.file(tmp_path, rows, "loud.csv")
    pairs.import_pairs(db, other, path, pairs.find_columns(pairs.opened(path, []), ["brief"], "copy"))
    learned, kept = voice.others(db, task)
    assert len(learned) >= 100 and kept and not voice.refusal(200, len(learned))
    names = product(
        ["Ann", "Ben", "Cora", "Dan", "Eve", "Finn", "Gus", "Hal", "Ivy", "Joe", "Kay", "Lou"],
        ["Ames", "Bell", "Cole", "Dean", "Ever", "Ford", "Gale", "Hart", "Ives"],
    )
    varied = [(brief, f"{text} By {one} {two}.") for (brief, text), (one, two) in zip(CALM, names)]
    told = voice.hearer(db, task, varied, {brief: [text] for brief, text in CALM[:40]}, tmp_path)(CALM[:5])
    assert told["voice"].student == 1
    assert "are needed" in voice.hearer(db, task, CALM[:50], {}, tmp_path)([])["voice_refused"]
    twin = tasks.add(db, client_id(db, "Northwind"), "Twin", "write")
    path = copy.file(tmp_path, copy.pairs(240), "twin.csv")
    pairs.import_pairs(db, twin, path, pairs.find_columns(pairs.opened(path, []), ["brief"], "copy"))
    assert len(voice.others(db, task)[0]) == len(learned), "a task with the same lines is no other voice"


def test_contrasts_are_where_enough_copies_say_a_fact_of_their_brief(small_base):
    model = language.load(small_base)
    priced = [
        (f"Brand{n} soap for ${n}.50 until {n % 28 + 1} May", f"Brand{n}. Yours until {n % 28 + 1} May.")
        for n in range(10, 40)
    ]
    found = probes.contrasts(model, priced)
    assert (
        set(found) == {"brands", "dates"} and found["brands"].n == 30 and 0 <= found["dates"].low <= found["dates"].high
    )
    assert probes.contrasts(model, priced[:5]) == {}


def test_the_longest_run_of_words_in_common():
    index = likeness.Copies(["slow mornings in a small cup", "a sharper spade"])
    assert index.longest_run("Long mornings in a small town") == 4
    assert index.longest_run("Nothing else") == 0
