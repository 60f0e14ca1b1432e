"""Backups on the Settings page, and the newest of them offered where the database is damaged."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core import database, jobs, removal
from core.keeping.backup import backup
from core.keeping.check import check
from core.ui import put_back

ROOT = Path(__file__).resolve().parents[2]


def page(name: str) -> AppTest:
    made = AppTest.from_file(str(ROOT / "pages" / f"{name}.py"), default_timeout=60)
    made.run()
    assert not made.exception
    return made


def words(page: AppTest) -> str:
    return " ".join(one.value for kind in (page.markdown, page.caption, page.error, page.subheader) for one in kind)


def button(page: AppTest, label: str):
    return next(one for one in page.button if one.label == label)


def damage(home: Path) -> None:
    with closing(database.connect()) as db:
        db.execute("pragma wal_checkpoint(truncate)")
    data = bytearray((home / "understudy.db").read_bytes())
    data[:4096] = b"\xff" * 4096
    (home / "understudy.db").write_bytes(data)


def test_a_backup_is_made_from_the_page_and_its_age_is_said(home, tmp_path, monkeypatch):
    monkeypatch.setattr("core.ui.progress._start_worker", lambda home: None)
    settings = page("settings")
    assert "This workspace has no backup yet" in words(settings)
    next(one for one in settings.text_input if one.label == "Folder for backups").set_value(str(tmp_path / "disk"))
    button(settings, "Back up now").click().run()
    with closing(database.connect()) as db:
        (job,) = [job for job in jobs.active(db) if job.kind == "backup"]
        assert job.params == {"to": str(tmp_path / "disk")} and job.client_id is None
    jobs.run_queued(job.id)
    (made,) = (tmp_path / "disk").glob("*.zip")
    assert f"{made.name}" in words(settings.run()).replace("\\", "") and " ago" in words(settings)
    monkeypatch.setattr(put_back.backup, "age", lambda made: 9 * 86_400.0)
    assert any("more than a week ago" in one.value for one in page("settings").warning)


def test_where_the_database_is_damaged_the_newest_backup_is_offered_and_put_back(home, tmp_path):
    made = backup(home, tmp_path / "B.zip")
    damage(home)
    for name in ("overview", "compare"):
        shown = page(name)
        assert "database is damaged" in words(shown) and "The newest backup was made on" in words(shown)
        assert any("restore --from" in one.value and made.path in one.value for one in shown.code)
    button(shown, "Put this backup back").click().run()
    assert not shown.exception and "damaged" not in words(shown)
    with closing(database.connect()) as db:
        assert db.execute("select name from clients").fetchall() == [("Small",)]
    assert check(home).problems == [] and len(list(home.glob("before-restore-*"))) == 1


def test_where_others_reach_the_dashboard_nobody_puts_it_back_from_there(home, tmp_path, monkeypatch):
    backup(home, tmp_path / "B.zip")
    damage(home)
    monkeypatch.setenv("UNDERSTUDY_LOGIN", "1")
    monkeypatch.setattr("core.ui.put_back.jobs.stop_worker", lambda: pytest.fail("it was put back"))
    for claims in ({}, {"is_logged_in": True, "email": "ada@x.y"}):  # before the login nothing is looked up
        monkeypatch.setattr("core.ui.access.claims", lambda said=claims: said)
        shown = page("overview")
        if claims:
            assert "database is damaged" in words(shown) and "Whoever runs the dashboard does it" in words(shown)
            assert [one.value for one in shown.code] == ["python3 run.py restore --from F.zip"]
            assert str(home) not in words(shown)  # whose rights are whose cannot be told
        assert [one.label for one in shown.button] == ([] if claims else ["Log in"])


def test_without_a_backup_the_command_is_said(home):
    damage(home)
    shown = page("settings")
    assert "No backup of this workspace is known here." in words(shown)
    assert not [one for one in shown.button if one.label == "Put this backup back"]


def test_all_of_a_client_is_written_from_overview_and_a_deleted_client_is_reported(home, monkeypatch):
    monkeypatch.setattr("core.ui.progress._start_worker", lambda home: None)
    overview = page("overview")
    button(overview, "All of it as files").click().run()
    with closing(database.connect()) as db:
        (job,) = [job for job in jobs.active(db) if job.kind == "archive"]
    jobs.run_queued(job.id)
    overview.run()
    assert not overview.exception and (home / "output" / "client-1" / "Small.zip").is_file()
    with closing(database.connect()) as db:
        removal.remove_client(db, 1)
    assert not (home / "output" / "client-1").exists()
