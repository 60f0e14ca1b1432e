"""The command line: what goes to stdout, what to stderr, and with which status it ends."""

from __future__ import annotations

import csv
import json
import random
import re
import subprocess
import sys

import pytest

import run
from core import __main__ as cli
from core import commands, jobs, settings, tasks, terminal
from core.errors import Cancelled, InputError
from tests.jobs import job_bodies  # noqa: F401  registers the bodies

TOPICS = {
    "Shoes": "running shoe sole trainer sneaker lace",
    "Coffee": "espresso roast bean barista brew cup",
    "Travel": "flight beach hotel island sunset trip",
}
HEAVY = {
    "numpy",
    "pandas",
    "scipy",
    "torch",
    "transformers",
    "onnxruntime",
    "streamlit",
    "sqlite_utils",
    "PIL",
    "httpx",
}


def call(capsys, *arguments: str) -> tuple[int, str, str]:
    try:
        status = cli.main(list(arguments))
    except SystemExit as ended:  # argparse
        status = ended.code
    said = capsys.readouterr()
    return status, said.out, said.err


def test_help_lists_every_command_at_once():
    line = [sys.executable, "-X", "importtime", "-m", "core", "--help"]
    shown = subprocess.run(line, cwd=settings.ROOT, capture_output=True, text=True, check=True)
    imported = {line.rpartition("|")[2].strip().partition(".")[0] for line in shown.stderr.splitlines()}
    assert "core" in imported and not imported & HEAVY
    for command in cli.commands():
        assert re.search(rf"^    {command}\s", shown.stdout, re.MULTILINE)


def test_run_py_passes_on_exactly_these_commands():
    assert set(run.COMMANDS) == set(cli.commands())
    assert all(name in run.__doc__ for name in cli.commands())


def test_a_command_is_one_file(tmp_path, monkeypatch, capsys):
    (tmp_path / "greet.py").write_text(
        "SUMMARY = 'say hello'\n\n\ndef options(command):\n    command.add_argument('--to', required=True)\n\n\n"
        "def run(args):\n    return {'to': args.to}, f'Hello {args.to}'\n"
    )
    monkeypatch.setattr(commands, "__path__", [*commands.__path__, str(tmp_path)])
    assert call(capsys, "greet", "--to", "Ada")[:2] == (0, "Hello Ada\n")
    assert "say hello" in call(capsys, "--help")[1]
    monkeypatch.delitem(sys.modules, "core.commands.greet")


def test_every_command_explains_its_options(capsys):
    for command in cli.commands():
        status, out, _ = call(capsys, command, "--help")
        assert status == 0
        assert "--client NAME" in out
        assert "--json" in out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "required: COMMAND"),
        (["juggle"], "invalid choice: 'juggle'"),
        (["distil"], "--taxonomy is missing"),
        (["distil", "--pairs", "nowhere.csv"], "nowhere.csv: There is no such file."),
        (["distil", "--taxonomy", "nowhere.csv", "--assets", "nowhere.csv"], "nowhere.csv: There is no such file."),
        (["distil", "--taxonomy", "t", "--assets", "a", "--target", "95"], "for 95 % write 0.95"),
        (["distil", "--taxonomy", "t", "--assets", "a", "--target", "nan"], "'nan' is not a number"),
        (["distil", "--taxonomy", "t", "--assets", "a", "--budget", "-1"], "less than nothing"),
        (["distil", "--taxonomy", "t", "--assets", "a", "--student", "huge"], "invalid choice: 'huge'"),
        (["distil", "--taxonomy", "t", "--assets", "a", "--client", " "], "a client needs a name"),
        (["sample", "--rows", "0"], "not a whole number above 0"),
        (["sample", "--rows", "5", "--to", "/proc/nowhere"], "cannot be written"),
        (["sample", "--rows", "5", "--images", "--facets", "3"], "ask for --facets 2"),
        (["imports", "--rows", __file__], "Neither --images nor a column of paths is named."),
        (["imports", "--read-again"], "There is no client Default. Run `distil` first."),
        (["classify", "--text", " "], "--text: The text is empty."),
        (["classify", "--text", "shoes"], "There is no client Default. Run `distil` first."),
        (["score", "--input", "nowhere.csv", "--output", "out.csv"], "nowhere.csv: There is no such file."),
        (["export", "--to", "out"], "There is no client Default. Run `distil` first."),
        (["jobs", "--cancel", "7"], "There is no job 7."),
        (["jobs", "--cancel", "1", "--resume", "1"], "not allowed with"),
    ],
)
def test_wrong_input_ends_with_status_2_and_a_sentence_on_stderr(capsys, arguments, sentence):
    status, out, err = call(capsys, *arguments, *(["--json"] if arguments else []))
    assert (status, out) == (2, "")
    assert sentence in err
    assert "Traceback" not in err


def test_asking_about_an_unknown_client_names_those_there_are_and_makes_none(capsys, db):
    tasks.of(db, "Acme")
    status, _, err = call(capsys, "classify", "--text", "shoes", "--client", "Acne")
    assert status == 2
    assert "There is no client Acne. Name one with --client: Acme." in err
    status, _, err = call(capsys, "classify", "--text", "shoes", "--client", "acme")
    assert "no live student" in err
    assert db["clients"].count == 1


def test_a_student_that_is_not_ready_goes_live_by_one_rule_and_what_speaks_against_it_is_said(judged_small, capsys, db):
    assert call(capsys, "compare", "--client", "Small", "--student", "1", "--rule", "target=0.9999")[0] == 0
    by_command = json.loads(call(capsys, "students", "--client", "Small", "--go-live", "1", "--json")[1])["change"]
    assert by_command["warnings"][0].startswith("Its verdict is: not ready.")
    db.execute("update students set live = 0")
    folder = settings.home() / "files"
    columns = ["--text-columns", "text", "--id-column", "id", "--teacher", "recorded:label", "--student", "linear"]
    files = ["--taxonomy", str(folder / "taxonomy.csv"), "--assets", str(folder / "assets.csv")]
    line = ["distil", *files, *columns, "--client", "Small", "--target", "0.9999"]
    assert json.loads(call(capsys, *line, "--json")[1])["live"] is None
    went = json.loads(call(capsys, *line, "--go-live", "--json")[1])
    assert went["verdict"]["decision"] == "not_ready" and went["live"] == went["chosen"]
    assert went["change"]["warnings"] == by_command["warnings"]
    db.execute("update students set live = 0")
    assert "Its verdict is: not ready." in call(capsys, *line, "--go-live")[1]


@pytest.mark.parametrize(
    ("raised", "status"), [(InputError("No.", "Yes."), 2), (KeyboardInterrupt(), 130), (Cancelled(), 130)]
)
def test_how_a_command_ends(capsys, monkeypatch, raised, status):
    def command(args):
        raise raised

    monkeypatch.setattr("core.commands.jobs.run", command)
    ended, out, err = call(capsys, "jobs", "--json")
    assert (ended, out) == (status, "")
    assert len(err.splitlines()) == 1


def test_a_bug_surfaces(monkeypatch):
    monkeypatch.setattr("core.commands.jobs.run", lambda args: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        cli.main(["jobs"])


def test_a_library_that_prints_does_not_spoil_the_json(capsys, monkeypatch):
    def command(args):
        print("loading …")
        return {"ok": True}, "fine"

    monkeypatch.setattr("core.commands.jobs.run", command)
    assert call(capsys, "jobs", "--json") == (0, '{"ok": true}\n', "loading …\n")
    assert call(capsys, "jobs") == (0, "fine\n", "loading …\n")


def test_jobs_are_listed_cancelled_and_resumed(capsys, db, monkeypatch):
    monkeypatch.setattr(jobs, "start_worker", lambda: None)
    assert call(capsys, "jobs")[1] == "There are no jobs yet.\n"
    job = jobs.start(db, "wrong", {}, tasks.of(db, "Acme"))
    status, out, _ = call(capsys, "jobs", "--json")
    (row,) = json.loads(out)["jobs"]
    assert (status, row["id"], row["client"], row["state"]) == (0, job.id, "Acme", "queued")
    assert "cancelled" in call(capsys, "jobs", "--cancel", str(job.id))[1]
    assert "queued" in call(capsys, "jobs", "--resume", str(job.id))[1]
    jobs.run_queued(job.id)
    assert "failed" in call(capsys, "jobs")[1]
    assert "The column is missing." in call(capsys, "jobs")[1]


def test_sample_data_of_any_size(capsys, tmp_path):
    status, out, _ = call(capsys, "sample", "--rows", "50", "--to", str(tmp_path / "new" / "folder"), "--json")
    made = json.loads(out)
    assert (status, made["rows"]) == (0, 50)
    with open(made["assets"], encoding="utf-8") as file:
        assert len(list(csv.DictReader(file))) == 50


def test_progress_tells_the_rate_and_the_time_left(capsys, monkeypatch):
    clock = iter([100.0, 102.0, 110.0, 111.0, 120.0, 130.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    log = terminal.Log()
    for done, total, message in [
        (50_000, 1_050_000, "Scoring"),  # taken over: no part of the rate
        (60_000, 1_050_000, "Scoring"),  # two seconds later: not told
        (250_000, 1_050_000, "Scoring"),
        (0, 1, "Joining the parts"),
        (0, 10, "Labelling"),
        (1, 10, "Labelling"),
    ]:
        log(done, total, message)
    assert capsys.readouterr().err.splitlines() == [
        "Scoring: 50,000 of 1,050,000",
        "Scoring: 250,000 of 1,050,000, 20,000 a second, about 40 s left",
        "Joining the parts",
        "Labelling: 0 of 10",
        "Labelling: 1 of 10, about 90 s left",
    ]


@pytest.fixture
def files(tmp_path):
    """A small taxonomy and assets that a linear student learns at once."""
    chance = random.Random(3)
    taxonomy, assets = tmp_path / "taxonomy.csv", tmp_path / "assets.csv"
    taxonomy.write_text("name,description\n" + "".join(f"{name},{words}\n" for name, words in TOPICS.items()))
    with assets.open("w", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["asset_id", "headline", "body", "label"])
        for number in range(360):
            topic = list(TOPICS)[number % 3]
            words = chance.choices(TOPICS[topic].split(), k=7)
            rows.writerow([f"a{number}", " ".join(words[:3]), f"{' '.join(words[3:])} {number}", topic])
    return taxonomy, assets


def test_from_files_to_a_verdict_a_text_and_a_scored_file(capsys, files, tmp_path):
    taxonomy, assets = map(str, files)
    line = ["distil", "--taxonomy", taxonomy, "--assets", assets, "--client", "Acme", "--student", "linear"]
    line += ["--teacher", "recorded:label", "--text-columns", "headline, body", "--target", "0.9", "--json"]
    status, out, err = call(capsys, *line)
    assert status == 0, err
    result = json.loads(out)
    assert list(result) == [
        "client",
        "assets",
        "labels",
        "students",
        "chosen",
        "live",
        "cascade",
        "economics",
        "verdict",
        "why",
    ]
    assert result["client"] == "Acme"
    assert (result["assets"]["rows"], result["assets"]["imported"]) == (360, 360)
    assert result["labels"]["count"] == 360
    (student,) = result["students"]
    assert (student["id"], student["kind"]) == (result["chosen"], "linear")
    assert student["agreement"]["low"] <= student["agreement"]["value"] <= student["agreement"]["high"]
    assert student["agreement"]["value"] > 0.9
    assert {"target", "confidence", "certified", "threshold", "handled"} <= set(result["cascade"])
    assert result["verdict"]["decision"] in ("replace", "fallback", "not_ready")

    again = json.loads(call(capsys, *line)[1])
    assert again["labels"]["count"] == 360
    assert "Verdict: " in call(capsys, *line[:-1])[1]

    listed = json.loads(call(capsys, "students", "--client", "Acme", "--json")[1])
    assert result["live"] is None, "no student goes live by itself"
    assert [(row["name"], row["live"]) for row in listed["students"]] == [(f"linear {student['id']}", False)]
    score = ["score", "--client", "Acme", "--input", assets, "--output", str(tmp_path / "no.csv")]
    status, _, err = call(capsys, *score)
    assert status == 2 and "students --go-live ID" in err
    would = call(capsys, "students", "--client", "Acme", "--would-change", student["id"])[1]
    assert f"No student is at work yet; linear {student['id']} would be the first." in would
    went = json.loads(call(capsys, *line, "--go-live")[1])
    assert went["live"] == result["chosen"]
    assert bool(went["change"]["warnings"]) == (result["verdict"]["decision"] == "not_ready")
    assert listed["students"][0]["made_from"]["teacher"] == "recorded:label"
    assert "live" in call(capsys, "students", "--client", "Acme")[1]
    status, _, err = call(capsys, "students", "--client", "Acme", "--roll-back")
    assert status == 2 and "No other student was live before" in err
    status, _, err = call(capsys, "students", "--client", "Acme", "--compare", student["id"], "99")
    assert status == 2 and "no student number 99" in err

    text = ["classify", "--text", "a barista with an espresso roast", "--client", "acme"]
    told = json.loads(call(capsys, *text, "--json")[1])
    assert told["top"][0]["category"] == "Coffee"
    assert len(told["top"]) == 3
    assert told["ms"] < 100
    sure = told["threshold"] is not None and told["top"][0]["confidence"] >= told["threshold"]
    assert told["handled"] == (sure and not told["strange"])
    assert "Coffee" in call(capsys, *text)[1]

    for name in ("scored.csv", "scored.parquet"):
        output = str(tmp_path / name)
        status, out, err = call(
            capsys,
            "score",
            "--input",
            assets,
            "--output",
            output,
            "--client",
            "Acme",
            "--student",
            student["id"],
            "--json",
        )
        assert (status, json.loads(out)["rows"]) == (0, 360)
        assert (tmp_path / name).stat().st_size > 1000
