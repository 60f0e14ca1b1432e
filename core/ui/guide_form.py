"""The voice guide in a form: every rule a draft must keep to, with what it would stop of the copy that people approved."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from core.ui import frame
from core.words import spoken
from core.write import guide, strictness, tongues
from core.write.guide import Guide
from core.write.rungs import Pairs

COUNTED = ("characters", "words", "sentences")
WORD_FORMS = "With commas between. Word forms count: cheap also finds cheaper. =Word is taken as it stands."
TONGUES = {tongues.AUTO: "That of approved copy", tongues.ANY: "Any", **tongues.NAMES}


def guide_form(rules: Guide, approved: Pairs) -> Guide | None:
    """The form; the new guide where it was saved. `approved` pairs say how strict it is, before it is saved as well."""
    with st.form("guide", border=False):
        values = {"characters": _span(rules, "characters"), "words": _span(rules, "words")}
        values["sentences"] = _span(rules, "sentences")
        values["channels"] = _channels(rules)
        values |= _terms_of(rules) | _signs_of(rules) | _rest_of(rules)
        with st.container(horizontal=True):
            seen = st.form_submit_button("See what they would stop", icon=":material/visibility:")
            saved = st.form_submit_button("Save the voice guide", type="primary")
    typed = guide.made(values) if seen or saved else rules
    if seen or saved:
        _strict(strictness.measure(typed, approved))
    return typed if saved else None


def _strict(measured: strictness.Strictness) -> None:
    (st.warning if measured.too_strict else st.info)(frame.plain(strictness.sentence(measured)))
    if measured.by_gate:
        lines = [{"Rule": name, "Stops of approved copy": spoken(share)} for name, share in measured.by_gate.items()]
        config = {"Stops of approved copy": st.column_config.NumberColumn(format="percent")}
        st.dataframe(pd.DataFrame(lines), hide_index=True, key="strictness", column_config=config)


def _span(rules: Guide, name: str) -> dict[str, int | None]:
    span = getattr(rules, name)
    left, right = st.columns(2)
    open_words = (
        "Empty: as long as the longest approved copy, and a quarter more." if name == "characters" else "Empty: open."
    )
    least = left.number_input(f"Fewest {name}", 0, None, span.least, help="Empty: open.", key=f"least-{name}")
    return {
        "least": least,
        "most": right.number_input(f"Most {name}", 1, None, span.most, help=open_words, key=f"most-{name}"),
    }


def _channels(rules: Guide) -> dict[str, str]:
    """The most characters by channel, as they were typed."""
    about = (
        "One a line, such as push: 90. It holds where the brief's first line, or its line channel:, names the channel."
    )
    there = "\n".join(f"{name}: {most}" for name, most in rules.channels.items())
    lines = st.text_area("Most characters by channel", there, height=68, help=about, key="channels").splitlines()
    return {name.strip(): most.strip() for name, _, most in (line.rpartition(":") for line in lines if line.strip())}


def _terms_of(rules: Guide) -> dict:
    left, right = st.columns(2)
    patterns = "One a line, as a regular expression: \\bnow\\b finds the word now. A draft that holds one is stopped."
    claims = "A draft that makes one is stopped, unless its brief makes it or the legal line stands in the draft."
    return {
        "banned": _terms(left.text_input("Banned words", ", ".join(rules.banned), help=WORD_FORMS)),
        "required": _terms(
            right.text_input("Required words", ", ".join(rules.required), help=f"All of them. {WORD_FORMS}")
        ),
        "claims": _terms(left.text_input("Claims that need the legal line", ", ".join(rules.claims), help=claims)),
        "legal_line": right.text_input("Legal line", rules.legal_line, help="Word for word, as it must stand.").strip(),
        "patterns": left.text_area(
            "Banned patterns", "\n".join(rules.patterns), height=68, help=patterns, key="patterns"
        ).splitlines(),
    }


def _signs_of(rules: Guide) -> dict:
    left, right = st.columns(2)
    capitals = "Words of two letters and more in capitals, such as NOW; those that stand so in the brief do not count."
    return {
        "exclamation_marks": left.number_input(
            "Most exclamation marks", 0, None, rules.exclamation_marks, help="In a draft. Empty: as many as it likes."
        ),
        "capitals": right.number_input(
            "Most words in capitals", 0, None, rules.capitals, help=f"{capitals} Empty: open."
        ),
        "emoji": left.checkbox("Emoji are allowed", rules.emoji, help="Signs such as ☕ and ✓ count too."),
    }


def _rest_of(rules: Guide) -> dict:
    left, right = st.columns(2)
    grade = "Years of school that a reader of English needs (Flesch and Kincaid); a long word makes a short line hard. Empty: open."
    language = "A draft that is in another language is stopped. Lines too short to tell pass."
    run = "So many words in a row that stand in an approved copy stop a draft."
    return {
        "grade": left.number_input("Hardest reading level", 1.0, 20.0, rules.grade, 1.0, help=grade),
        "run": right.number_input("Words in a row that are copied", 3, None, rules.run, help=run),
        "language": left.selectbox(
            "Language",
            list(TONGUES),
            list(TONGUES).index(rules.language),
            format_func=TONGUES.get,
            help=language,
            key="language",
        ),
    }


def _terms(typed: str) -> list[str]:
    return list(filter(None, (term.strip() for term in typed.split(","))))
