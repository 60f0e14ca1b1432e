"""Connections that write at the same time: who reads first and writes then is not told off because another wrote in between."""

from __future__ import annotations

import threading

from core import database


def test_a_transaction_that_reads_first_may_write_though_another_process_wants_to(db):
    db.execute("create table counted (n integer)")
    other_done = threading.Event()

    def other() -> None:
        mine = database.connect()
        mine.execute("insert into counted values (1)")
        other_done.set()

    with db.atomic():
        (before,) = db.execute("select count(*) from counted").fetchone()
        thread = threading.Thread(target=other)
        thread.start()
        assert before == 0 and not other_done.wait(0.3), "the other one waits for its turn"
        db.execute("insert into counted values (2)")
    thread.join(10)
    assert [row["n"] for row in db.query("select n from counted order by rowid")] == [2, 1]


def test_a_transaction_within_another_is_undone_alone(db):
    db.execute("create table counted (n integer)")
    with db.atomic():
        db.execute("insert into counted values (1)")
        try:
            with db.atomic():
                db.execute("insert into counted values (2)")
                raise ValueError
        except ValueError:
            pass
    assert [row["n"] for row in db.query("select n from counted")] == [1]
