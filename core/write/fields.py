"""The facts of a brief as fields, in its own words: client, budget, dates, deliverables, mandatories. Nothing is made up."""

from __future__ import annotations

import re

from core.write import slots

LABELS = {
    "client": r"client|brand|advertiser|company",
    "budget": r"budget|spend|fee|cost",
    "dates": r"dates?|deadline|due|timing|launch|live date|flight|when",
    "deliverables": r"deliverables?|formats?|assets|outputs?|what we need",
    "mandatories": r"mandator(?:y|ies)|must[- ]haves?|must include|legal|do not|don['’]ts?",
}
SAID = {  # where no line is labelled so
    "budget": re.compile(rf"[^.\n]*\b(?:budget|spend)\b[^.\n]*?({slots.PRICE})", re.I),
    "dates": re.compile(slots.DATE, re.I),
    "mandatories": re.compile(r"([^.\n]*\b(?:must|may not|never)\b[^.\n]*)", re.I),
}


def of(brief: str) -> dict[str, list[str]]:
    """What the brief says of each field, in order; fields it says nothing of are left out. A label stands at the head of a line,
    its points behind it or below it with a dash."""
    by_label = {name: _labelled(brief, label) for name, label in LABELS.items()}
    for name, pattern in SAID.items():
        if not by_label[name]:
            by_label[name] = [(match[1] if pattern.groups else match[0]).strip() for match in pattern.finditer(brief)]
    return {name: list(dict.fromkeys(some)) for name, some in by_label.items() if some}


def _labelled(brief: str, label: str) -> list[str]:
    points = r"(?P<line>[^\n]*)(?P<below>(?:\n\s*[-•*] [^\n]+)*)"
    lines = []
    for match in re.finditer(rf"^\s*(?:{label})\s*[:–-][^\S\n]*{points}", brief, re.I | re.M):
        lines += [match["line"], *(line.strip(" \t-•*") for line in match["below"].split("\n"))]
    return [one.strip() for one in lines if one.strip()]
