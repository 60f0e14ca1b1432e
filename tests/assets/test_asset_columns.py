"""A column of assets is one entry of core/asset_columns.py: guess, page, command and database know it from there."""

from __future__ import annotations

import json
import subprocess
import sys

from core.settings import ROOT

PROGRAM = '''
import json, sys
from pathlib import Path
from types import ModuleType
import core
source = Path(core.__file__).with_name("asset_columns.py").read_text("utf-8")
mark = "ASSET_COLUMNS: dict[str, AssetColumn] = {"
assert mark in source
more = """
    "market": AssetColumn(("market", "land"), title="market", help="Where it ran.", option="where it ran", cells=TEXT),
    "retries": AssetColumn(("retries",), title="retries", help="How often.", option="how often", cells=COUNT, with_label=True),
"""
sys.modules["core.asset_columns"] = core.asset_columns = module = ModuleType("core.asset_columns")
exec(source.replace(mark, mark + more), module.__dict__)
from core import __main__, database, removal, tasks
from core.assets import imports, previews
from core.ui.mapping import HELP, ROLES
db = database.connect()
task = tasks.of(db, "Acme")
path = Path(sys.argv[1])
seen = previews.preview(path)
done = imports.import_assets(db, task, path)
first = [list(row) for row in db.execute("select text, market, extra from assets order by id")]
labels = [list(row) for row in db.execute("select label, retries from recordings order by asset_id")]
path.write_text(path.read_text("utf-8").replace("1,200", "3"), "utf-8")
imports.import_assets(db, task, path)
again = [row[0] for row in db.execute("select retries from recordings order by asset_id")]
removal.undo_import(db, task.client_id, db.execute("select max(id) from imports").fetchone()[0])
undone = [row[0] for row in db.execute("select retries from recordings order by asset_id")]
options = __main__.parser().parse_args(["distil", "--taxonomy", "t", "--assets", "a", "--market-column", "Land"])
print(json.dumps([seen.guess.columns(), first, labels, again, undone, ROLES["market"], HELP["retries"], options.market_column]))
'''


def test_a_new_column_is_one_entry(tmp_path, workspace):
    path = tmp_path / "assets.csv"
    path.write_text(
        'text,label,Land,retries,note\nA shoe,Shoes,DE,"1,200",x\nA boot,Boots,,850,\nA hat,,FR,7,\n', "utf-8"
    )
    ran = subprocess.run([sys.executable, "-c", PROGRAM, str(path)], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    guess, first, labels, again, undone, role, said, option = json.loads(ran.stdout.splitlines()[-1])
    assert guess == {"label": "label", "market": "Land", "retries": "retries"}
    assert first == [["A shoe", "DE", '{"note": "x"}'], ["A boot", None, None], ["A hat", "FR", None]]
    assert labels == [["Shoes", 1200], ["Boots", 850]], "what belongs to a label says nothing without one"
    assert again == [3, 850] and undone == [1200, 850]
    assert (role, said, option) == ("market", "How often.", "Land")
