"""Nothing from a file or a form becomes markup on a page, or a formula in a spreadsheet."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.escape import JOINER, file_name, plain
from tests.markdown import shown

SIGNS = st.text(alphabet="ab 1*_`[]()<>#$:~\\|&!{}-+=.@/'\"\n\t", max_size=30)
PIECES = st.sampled_from(
    ["[x](http://evil.example)", "http://", "https://a.b", "www.", "evil.example", "**b**", ":red[y]", ":material/home:"]
    + [":streamlit:", ":smile:", ":+1:", "$a$", "<img src=x onerror=1>", "`c`", "# h", "- x", "1. x", "---", "==="]
    + ["|", "a@b.de", "->", "<->", "--", ">=", "![p](http://evil.example/p.png)", "&lt;", "<http://evil.example>", "[^1]", "\\"]
    + [" ", "\n", "    x"]
)  # fmt: skip
TEXTS = SIGNS | st.lists(PIECES | SIGNS, max_size=5).map("".join) | st.text(max_size=30)


@given(TEXTS, st.sampled_from(["", "Asset ", "**Next:** "]), st.booleans())
@example("1. x", "", False)
@example("\u202eevil", "", False)
@example("HTTPS://WWW.EVIL.EXAMPLE", "", False)
def test_plain_text_shows_as_it_is_written(text, before, label):
    read, alone = shown(before + plain(text), label), shown(before, label)
    turned = [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]  # marks that turn the reading order are left out
    line = " ".join(
        "".join(" " if ord(c) < 32 or 127 <= ord(c) < 160 else c for c in text if ord(c) not in turned).split()
    )
    assert read.marks == alone.marks
    said = read.words.replace(JOINER, "").replace("\u00a0%", " %")
    assert said.strip() == (alone.words.strip() + " " + line.replace(JOINER, "").replace("\u00a0%", " %")).strip()


@pytest.mark.parametrize(
    "raw",
    ["[x](http://e.de)", "http://e.de", "www.e.de", "a@e.de", "**b**", "`c`", "$a$", "<b>", "# h", "1. x", "- x"]
    + [":red[y]", ":smile:", ":material/home:", "a -> b", "    x", "| a |\n| --- |", "~~s~~", "&amp; **b**"],
)  # fmt: skip
def test_the_rules_of_the_test_find_what_is_not_escaped(raw):
    assert shown(raw).marks or shown(raw).words != raw


@given(st.text())
@example("../../etc/passwd")
@example("labels-bought http://evil.example")
def test_a_name_of_a_file_leads_nowhere_and_is_never_empty(text):
    name = file_name(text)
    assert name and len(name) <= 60 and all(sign.isalnum() or sign in "-_" for sign in name)
    assert file_name(name) == name and file_name("labels-human_2") == "labels-human_2"
