"""Options that say how a file is read, through the commands that take them, on files where they change the outcome."""

from __future__ import annotations

import csv
import json

from core import taxonomy
from core.__main__ import main
from tests import small
from tests.tables.test_workbooks import saved

SHEETS = {"Jan": [["id", "text"], ["1", "save off deal"]], "Feb": [["id", "text"], ["2", "join team"], ["3", "beach"]]}


def scored(tmp_path, capsys, source, *options: str) -> list[dict]:
    out = tmp_path / "out.csv"
    asked = ["score", "--client", "Small", "--input", str(source), "--output", str(out), "--student", "1", *options]
    assert main([*asked, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    rows = list(csv.DictReader(out.open(encoding="utf-8-sig", newline="")))
    assert told["rows"] == len(rows)
    return rows


def test_score_reads_as_it_is_told(judged_small, tmp_path, capsys):
    book = saved(tmp_path / "a.xlsx", **SHEETS)
    for sheet, ids in (("Jan", ["1"]), ("Feb", ["2", "3"])):
        assert [row["id"] for row in scored(tmp_path, capsys, book, "--sheet", sheet)] == ids
    path = tmp_path / "a.csv"
    path.write_bytes("made by hand|on Friday\nid|text\n1|Zażółć, gęślą\n2|x|y\n".encode("cp1250"))
    told = ("--encoding", "cp1250", "--delimiter", "pipe", "--header-row", "2", "--problems", str(tmp_path / "p.csv"))
    assert [row["text"] for row in scored(tmp_path, capsys, path, *told)] == ["Zażółć, gęślą"]
    assert "it was left out" in (tmp_path / "p.csv").read_text("utf-8-sig")


CLIENT = ("--client", "Small", "--json")
PAIRS = list(small.WORDS)
HEAD = "row|ref|draft|wording|shoot|said|settled|part|sure|sent|wrote|took"


def rows_listed(path) -> list[int]:
    """The rows of a file of problems that are rows of the file read, not words about all of it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return [int(row["row"]) for row in csv.DictReader(file) if row["row"]]


def odd_files(folder) -> tuple:
    """Files whose every column has to be named, in an encoding that is guessed as another, with lines before their headers."""
    kinds = "for our eyes only\nCode;Zeichen;über;Worum es geht\n" + "".join(
        f"{code};{name};;{' '.join(words)}\n" for code, (name, words) in enumerate(small.WORDS.items(), 100)
    )
    (folder / "kinds.csv").write_bytes(kinds.encode("cp1250"))
    lines = [
        f"{n}|{row['id']}|draft of the same line|{row['text']} Łódź|shoot {n // 2}|{100 + PAIRS.index(row['label'])}"
        f"|{100 + PAIRS.index(row['label']) if n < 3 else ''}|{('train', 'test')[n // 2 % 2]}|0.{90 + n % 10}|1{n % 10}|2|1,5"
        for n, row in enumerate(small.rows(300))
    ]
    (folder / "ads.csv").write_bytes("\n".join(["exported by hand", HEAD, *lines, ""]).encode("cp1250"))
    return folder / "kinds.csv", folder / "ads.csv"


def test_distil_reads_both_files_as_it_is_told(db, tmp_path, capsys):
    kinds, ads = odd_files(tmp_path)
    taxonomy_told = (
        "--taxonomy-encoding cp1250 --taxonomy-delimiter ; --taxonomy-header-row 2 --key-column Code"
        " --name-column Zeichen"
    )
    ads_told = (
        "--encoding cp1250 --delimiter pipe --header-row 2 --text-columns wording --id-column ref --family-column shoot"
    )
    roles = "--gold-column settled --split-column part --confidence-column sure --tokens-in-column sent --tokens-out-column wrote"
    more = "--latency-column took --latency-unit s --labels-are codes --teacher recorded:said --student linear --target 0.8"
    told = f"{taxonomy_told} --parent-column none --description-column".split() + [
        "Worum es geht",
        "--examples-column",
        "none",
    ]
    asked = [
        "distil",
        "--taxonomy",
        str(kinds),
        "--assets",
        str(ads),
        *told,
        *f"{ads_told} {roles} {more}".split(),
        *CLIENT,
    ]
    assert main(asked) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["assets"]["rows"], result["assets"]["imported"], result["labels"]["count"]) == (300, 300, 300)
    assert result["assets"]["taxonomy_unused"] == "Not used: über."
    assert [(c.key, c.label, c.description) for c in taxonomy.load(db, 1)] == [
        (str(code), name, " ".join(words)) for code, (name, words) in enumerate(small.WORDS.items(), 100)
    ]
    first = next(db.query("select * from assets where external_id = 'A0'"))
    assert first["text"].endswith("0 Łódź") and first["family_key"] and not first["text"].startswith("draft")
    kept = next(db.query("select * from recordings where asset_id = ?", [first["id"]]))
    assert (kept["confidence"], kept["tokens_in"], kept["tokens_out"], kept["latency_ms"]) == (0.9, 10, 2, 1500)
    assert {row["split"] for row in db.query("select distinct split from assets")} >= {"train", "test"}
    assert next(db.query("select count(*) n from (select family_id from assets group by 1)"))["n"] == 150
    assert next(db.query("select count(*) n from reviews"))["n"] == 3


def test_what_is_told_wrongly_is_one_sentence_and_nothing_is_kept(db, tmp_path, capsys):
    kinds, ads = small.files(tmp_path)
    asked = ["distil", "--taxonomy", str(kinds), "--assets", str(ads), "--student", "linear", *CLIENT]
    wrong = {
        "--text-columns wording": "wording",
        "--family-column shoot": "shoot",
        "--gold-column settled": "settled",
        "--name-column Zeichen": "Zeichen",
        "--tier-columns A,B": "A",
        "--header-row 900": "900",
        "--taxonomy-header-row 900": "900",
        "--encoding klingon": "klingon",
        "--labels-map nowhere.csv": "nowhere.csv",
    }
    for options, named in wrong.items():
        assert main([*asked, *options.split()]) == 2, options
        said = capsys.readouterr().err.strip().splitlines()[-1]
        assert named in said and "Traceback" not in said, options
        assert not db["assets"].count and not db["label_runs"].count, options


def test_taxonomy_reads_as_it_is_told(db, tmp_path, capsys):
    small.fill(db, tmp_path)
    names = [*small.WORDS, "Żywność"]
    tiers = saved(
        tmp_path / "a.xlsx", Notes=[["x"], ["y"]], Tree=[["Top", "Below"], *(["All", name] for name in names)]
    )
    asked = ["taxonomy", "diff", str(tiers), "--sheet", "Tree", "--tier-columns", "Top,Below"]
    assert main([*asked, *CLIENT]) == 0
    found = json.loads(capsys.readouterr().out)["changes"]
    assert {("added", "All"), ("added", "Żywność"), ("moved", "Travel")} <= {(c["kind"], *c["after"]) for c in found}
    path = tmp_path / "b.txt"
    path.write_bytes(
        "\n".join(["ours", "what#who", *(f"about {name}#{name}" for name in names), "twice#Żywność"]).encode("cp1250")
    )
    how = [
        "--encoding",
        "cp1250",
        "--delimiter",
        "#",
        "--header-row",
        "2",
        "--name-column",
        "who",
        "--description-column",
        "what",
    ]
    asked = ["taxonomy", "diff", str(path), *how, "--problems", str(tmp_path / "p.csv")]
    assert main([*asked, *CLIENT]) == 0
    found = json.loads(capsys.readouterr().out)
    assert ["Żywność"] in [change["after"] for change in found["changes"] if change["kind"] == "added"]
    assert rows_listed(tmp_path / "p.csv") == [8] == [one["row"] for one in found["problems"] if one["row"]]


def test_review_reads_as_it_is_told(judged_small, db, tmp_path, capsys):
    book = saved(
        tmp_path / "a.xlsx",
        Old=[["asset", "category"], ["A1", "Sale"]],
        New=[["by hand"], ["asset", "category"], ["A2", "Travels"], ["A3", "Reise"], ["A4", "?"]],
    )
    (tmp_path / "map.csv").write_text("value,category\nReise,Travel\n")
    asked = ["review", "--read", str(book), "--reviewer", "Ada", "--sheet", "New", "--header-row", "2"]
    asked += ["--accept-near", "--labels-map", str(tmp_path / "map.csv"), "--problems", str(tmp_path / "p.csv")]
    assert main([*asked, *CLIENT]) == 0
    read = json.loads(capsys.readouterr().out)["read"]
    assert (read["rows"], read["new"]) == (3, 2)
    decided = db.query(
        "select external_id, label, reviewer from reviews join assets a on a.id = asset_id"
        " join categories c on c.id = category_id order by 1"
    )
    assert [tuple(row.values()) for row in decided] == [("A2", "Travel", "Ada"), ("A3", "Travel", "Ada")]
    assert rows_listed(tmp_path / "p.csv") == [5]
