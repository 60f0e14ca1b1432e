"""Small delimited files as report tools, databases and people write them, and what each holds.

Every file is a table of the same few creatives, written with one kind of oddity; `rows` is what must come out.
"""

from __future__ import annotations

from dataclasses import dataclass

ADS = [
    ["A001", "Boots that stay dry, guaranteed", "Shoes"],
    ["A002", "Beanie in soft merino wool", "Hats"],
    ["A003", "Weekend bag with room to spare", "Bags"],
    ["A004", "Trail runners for wet days", "Shoes"],
    ["A005", "Straw hat for long summers", "Hats"],
    ["A006", "Tote made from old sails", "Bags"],
]
NAMES = ["id", "text", "label"]
PLAIN = [[i, text.replace(",", ""), label] for i, text, label in ADS]


@dataclass(frozen=True)
class Odd:
    """A file: its bytes, and the columns and rows that must come out; `listed`: rows left out and said."""

    name: str
    data: bytes
    rows: list[list[str]]
    columns: list[str]
    listed: int = 0
    suffix: str = "csv"


def odd(name, lines, rows, columns=NAMES, *, listed=0, suffix="csv", encoding="utf-8", end="\n") -> Odd:
    text = lines if isinstance(lines, str) else end.join(lines) + end
    return Odd(name, text.encode(encoding), [list(row) for row in rows], list(columns), listed, suffix)


def joined(rows, delimiter=",") -> list[str]:
    return [delimiter.join(row) for row in rows]


def changed(place: int, text: str, rows=PLAIN) -> list[list[str]]:
    """The rows with another text in one of them."""
    return [[i, text if n == place else old, label] for n, (i, old, label) in enumerate(rows)]


def repeated(times: int, **texts: str) -> list[list[str]]:
    """Many rows; `r7="…"` gives row 7 that text."""
    return [[f"B{n:04}", texts.get(f"r{n}", f"{PLAIN[n % 6][1]} number {n}"), PLAIN[n % 6][2]] for n in range(times)]


STRAY = repeated(600, r40='"red shoes', r340='a bag 15"')
NEIGHBOURS = repeated(30, r10='"red shoes', r11='the other one"')
INCHES = repeated(30, r3='27" monitor', r4='Monitor 27"', r5='"Big" sale', r6='19" to 24" racks', r7='"', r8='""')
GOOGLE = ["Campaign", "Ad ID", "Headline 1", "Label", "Impr."]
GOOGLE_ROWS = [["Spring", i, text, label, f"{n},204"] for n, (i, text, label) in enumerate(PLAIN)]
FILTERS = [f"Filter {n},{'Campaign' if n % 2 else 'Site'} {n}" for n in range(16)]
GERMAN = ["Nr", "Werbetext", "Kategorie"]
JAPANESE = ["番号", "広告文", "分類"]
MULTILINE = changed(2, "Weekend bag\nwith room\n\nto spare")
DECIMALS = [[i, text, f"{n},5"] for n, (i, text, _) in enumerate(ADS)]

FILES = [
    odd("plain", joined([NAMES, *PLAIN]), PLAIN),
    odd("two stray marks 300 rows apart", joined([NAMES, *STRAY], "\t"), STRAY, suffix="tsv"),
    odd("two stray marks 300 rows apart, commas", joined([NAMES, *STRAY]), STRAY),
    odd("stray marks in neighbouring rows", joined([NAMES, *NEIGHBOURS]), NEIGHBOURS),
    odd("a mark nothing closes", joined([NAMES, *changed(1, '"Beanie')]), changed(1, '"Beanie')),
    odd("a mark nothing closes in the last row", joined([NAMES, *changed(5, '"Tote')]), changed(5, '"Tote')),
    odd("inch marks and a cell that goes on after its marks", joined([NAMES, *INCHES], "\t"), INCHES, suffix="tsv"),
    odd("the same with commas", joined([NAMES, *INCHES[:7], *INCHES[9:]]), [*INCHES[:7], *INCHES[9:]]),
    odd("never quoted, slogans in marks", joined([NAMES, *changed(1, '"Just do it"')], "\t"), changed(1, '"Just do it"'),
        suffix="tsv"),
    odd("marks inside a quoted cell, not doubled",
        [*joined([NAMES, *PLAIN]), 'A007,"He said "hi", then left",Bags'], [*PLAIN, ["A007", 'He said "hi", then left', "Bags"]]),
    odd("cells over several lines",
        ",".join(NAMES) + "\n" + "\n".join(f'{i},"{text}",{label}' for i, text, label in MULTILINE) + "\n", MULTILINE),
    odd("all cells in marks", [",".join(f'"{c}"' for c in row) for row in [NAMES, *ADS]], ADS),
    odd("backslash before marks", [",".join(f'"{c}"' for c in row) for row in
        [NAMES, *changed(1, 'She said \\"hats, hats\\" twice'), ["A007", "\\N", "Bags"]]],
        [*changed(1, 'She said "hats, hats" twice'), ["A007", "", "Bags"]]),
    odd("backslash before delimiters", joined([NAMES, *changed(0, "Boots\\, dry\\, warm"), ["A007", "\\N", "Bags"]]),
        [*changed(0, "Boots, dry, warm"), ["A007", "", "Bags"]]),
    odd("sep= line", ["sep=;", *joined([NAMES, *ADS], ";")], ADS),
    odd("semicolons and decimal commas", joined([["id", "text", "price"], *DECIMALS], ";"), DECIMALS, ["id", "text", "price"]),
    odd("pipes", joined([NAMES, *ADS], "|"), ADS),
    odd("one title line", ["Ad report", *joined([NAMES, *PLAIN])], PLAIN),
    odd("Google Ads, UTF-16, tabs", ["Ad report", "January 1, 2026 - January 31, 2026", *joined([GOOGLE, *GOOGLE_ROWS], "\t"),
        "\t".join(["Total: Ads", " --", " --", " --", "15,224"])], GOOGLE_ROWS, GOOGLE, listed=1, encoding="utf-16"),
    odd("Google Ads, UTF-8, commas", ["Anzeigenbericht", '"1. Januar 2026 - 31. Januar 2026"', ",".join(GOOGLE),
        *[",".join([*row[:4], f'"{row[4]}"']) for row in GOOGLE_ROWS], 'Total: Ads, --, --, --,"15,224"'],
        GOOGLE_ROWS, GOOGLE, listed=1),
    odd("sixteen filter lines", ["Report Name,Creatives", *FILTERS, "", "Report Fields",
        *joined([GOOGLE[:4], *[r[:4] for r in GOOGLE_ROWS]]), "Grand Total:,---,---,---"], [r[:4] for r in GOOGLE_ROWS],
        GOOGLE[:4], listed=1),
    odd("metadata below the rows", [*joined([GOOGLE[:4], *[r[:4] for r in GOOGLE_ROWS]]), "", "Report Time:,2026-02-01 09:00",
        "Date Range:,January", "Group By:,Creative", "MRC Accredited Metrics,only as noted"], [r[:4] for r in GOOGLE_ROWS],
        GOOGLE[:4], listed=4),
    odd("German column names", joined([GERMAN, *ADS], ";"), ADS, GERMAN),
    odd("Japanese column names below a title", ["広告レポート", *joined([JAPANESE, *PLAIN])], PLAIN, JAPANESE),
    odd("a known word among the data", joined([["Nr", "Werbetext", "Format"], ["1", "Rote Schuhe", "Post"],
        ["2", "Blauer Hut", "Story"]], ";"), [["1", "Rote Schuhe", "Post"], ["2", "Blauer Hut", "Story"]],
        ["Nr", "Werbetext", "Format"]),
    odd("a total in German", [*joined([["Anzeige", "Text", "Kosten"], *[[i, t, str(n)] for n, (i, t, _) in enumerate(ADS)]], ";"),
        "Gesamt;;15"], [[i, t, str(n)] for n, (i, t, _) in enumerate(ADS)], ["Anzeige", "Text", "Kosten"], listed=1),
    odd("no header at all", joined(repeated(30)), repeated(30), ["column 1", "column 2", "column 3"]),
    odd("blank lines between the rows", [line for row in joined([NAMES, *PLAIN]) for line in (row, "")], PLAIN),
]  # fmt: skip
