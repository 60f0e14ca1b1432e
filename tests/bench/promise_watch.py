"""Whether a watched promise alarms falsely, and how many audits it takes to notice a change: lives played on public test rows.

    python -m tests.bench.promise_watch [banking77,pitt_image_ads] [--kind embedding] [--lives 2000] [--audits 2000]

A student is trained and certified at 95 %; what it handles of the test rows is its work, of which audits are drawn by chance.
Without a change every life is watched for so many audits. With one, a life has 500 audits before it; then so large a share of the
work is of the changed kind that agreement falls by 3, 5 or 10 points: assets of categories that the student never saw (it is
trained without them), pairs of categories whose meaning is exchanged, German texts (of Banking77 alone, written for this).
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from core.evaluate.cascade import certify, effective
from core.train import students
from core.train.data import Rows
from core.watch import sequence
from tests.bench import public
from tests.bench.public import Public

PROMISE, ERROR, BEFORE = 0.95, 0.05, 500
FALLS = (0.03, 0.05, 0.10)
UNSEEN = 8  # categories left out of the training
GERMAN = {
    "card_arrival": ["Wann kommt meine neue Karte endlich an?", "Ich warte seit zwei Wochen auf meine Karte."],
    "lost_or_stolen_card": ["Mein Portemonnaie wurde gestohlen, die Karte war darin.", "Ich habe meine Karte verloren."],
    "activate_my_card": ["Wie schalte ich meine neue Karte frei?", "Die Karte ist da, was muss ich zum Aktivieren tun?"],
    "age_limit": ["Ab welchem Alter kann man ein Konto haben?", "Darf meine Tochter mit 15 ein Konto eröffnen?"],
    "change_pin": ["Wo kann ich meine PIN ändern?", "Ich möchte eine andere Geheimzahl wählen."],
    "pin_blocked": ["Meine PIN ist gesperrt.", "Ich habe dreimal die falsche Geheimzahl eingegeben."],
    "cash_withdrawal_charge": ["Warum kostet das Abheben am Automaten etwas?", "Mir wurde eine Gebühr fürs Abheben berechnet."],
    "exchange_rate": ["Welchen Wechselkurs verwendet ihr?", "Wie ist der Kurs von Euro zu Dollar bei euch?"],
    "declined_transfer": ["Meine Überweisung wurde abgelehnt.", "Warum geht die Überweisung nicht durch?"],
    "pending_transfer": ["Meine Überweisung steht noch aus.", "Seit gestern ist die Überweisung in Bearbeitung."],
    "top_up_failed": ["Das Aufladen hat nicht geklappt.", "Meine Aufladung ist fehlgeschlagen."],
    "verify_my_identity": ["Wie weise ich mich aus?", "Welche Unterlagen braucht ihr zur Prüfung meiner Person?"],
    "terminate_account": ["Ich möchte mein Konto kündigen.", "Wie lösche ich mein Konto?"],
    "edit_personal_details": ["Ich bin umgezogen, wo ändere ich meine Adresse?", "Mein Name hat sich geändert."],
    "country_support": ["In welchen Ländern gibt es euch?", "Kann ich aus Österreich ein Konto eröffnen?"],
    "request_refund": ["Ich hätte gern mein Geld zurück.", "Wie bekomme ich eine Erstattung?"],
    "passcode_forgotten": ["Ich habe mein Passwort vergessen.", "Ich komme ohne Kennwort nicht mehr in die App."],
    "contactless_not_working": ["Kontaktlos zahlen geht nicht.", "Beim Hinhalten der Karte passiert nichts."],
    "transfer_timing": ["Wie lange dauert eine Überweisung?", "Wann ist das Geld auf dem anderen Konto?"],
    "extra_charge_on_statement": ["Auf dem Auszug steht eine Gebühr, die ich nicht kenne.", "Was ist das für eine Abbuchung?"],
}  # fmt: skip


def main() -> None:
    """Print both tables for each set."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("sets", nargs="?", default="banking77,pitt_image_ads")
    options.add_argument("--kind", default="embedding")
    options.add_argument("--lives", type=int, default=2000)
    options.add_argument("--audits", type=int, default=2000)
    given = options.parse_args()
    dice = np.random.default_rng(7)
    print(f"{'set':16}{'change':22}{'fall':>6}{'of work':>9}{'noticed':>9}{'median':>8}{'9 of 10':>9}{'early':>8}")
    for name in given.sets.split(","):
        data = public.load(name)
        right, german, strange = worked(given.kind, data)
        alarms = sequence.broken_at(drawn(dice, right, given.lives, given.audits), PROMISE, ERROR) > 0
        print(
            f"{name:16}none: agreement {right.mean():.4f}, {strange:.1%} unlike anything; alarmed in {alarms.mean():.2%} of "
            f"{given.lives:,} lives of {given.audits:,} audits",
            flush=True,
        )
        for change, base, pool in changes(given.kind, name, data, right, german):
            for fall in FALLS:
                line(dice, name, change, base, pool, fall, given)


def worked(kind: str, data: Public) -> tuple[np.ndarray, np.ndarray, float]:
    """Of the test rows that a trained student handles, and of the German texts, which it gets right; share of strange test rows."""
    with tempfile.TemporaryDirectory() as folder:
        made, held = students.fit(kind, data.split, data.labels, Path(folder) / "s", lambda done, total, message: None)
        certificate = certify(
            effective(held.confidence, held.strange), held.best == data.split.judging.answers, PROMISE
        )
        said = made.answer(data.texts)
        handled = said.handled(certificate.threshold)
        german = made.answer([text for texts in GERMAN.values() for text in texts])
        keys = [key for key, texts in GERMAN.items() for _ in texts]
        known = np.array([data.labels.index(key) if key in data.labels else -1 for key in keys])
        foreign = (german.best == known)[german.handled(certificate.threshold) & (known >= 0)]
    return (said.best == data.answers)[handled], foreign, float(said.strange.mean())


def changes(kind: str, name: str, data: Public, right: np.ndarray, german: np.ndarray):
    """Each change: its name, which answers were right before it, and which of the changed kind are among those handled."""
    yield unseen(kind, data)
    swapped = np.zeros(200, bool)  # an exchanged category is always wrong where the student was right about it
    yield "meanings exchanged", right, swapped
    if name == "banking77" and len(german):
        yield "German arrives", right, german
    elif name == "banking77":
        print(f"{name:16}German arrives: none of {sum(map(len, GERMAN.values()))} texts is handled, all go back")


def unseen(kind: str, data: Public) -> tuple[str, np.ndarray, np.ndarray]:
    """A student trained without some categories, and what it makes of their assets: wrong, wherever it handles one."""
    left = np.random.default_rng(3).choice(len(data.labels), UNSEEN, replace=False)
    kept = [i for i in range(len(data.labels)) if i not in set(left.tolist())]

    def rows(of: Rows) -> Rows:
        mask = ~np.isin(of.answers, left)
        texts = [text for text, keep in zip(of.texts, mask) if keep]
        return Rows(texts, of.targets[mask][:, kept], of.encoder, of.soft)

    split = replace(
        data.split,
        categories=list(range(len(kept))),
        train=rows(data.split.train),
        calibration=rows(data.split.calibration),
    )
    seen = ~np.isin(data.answers, left)
    column = {category: place for place, category in enumerate(kept)}
    with tempfile.TemporaryDirectory() as folder:
        labels = [data.labels[i] for i in kept]
        made, held = students.fit(kind, split, labels, Path(folder) / "s", lambda done, total, message: None)
        certificate = certify(effective(held.confidence, held.strange), held.best == split.judging.answers, PROMISE)
        said = made.answer(data.texts)
    handled = said.handled(certificate.threshold)
    truth = np.array([column.get(int(answer), -1) for answer in data.answers])
    share = handled[~seen].mean()
    return (
        f"new ones ({share:.0%} handled)",
        (said.best == truth)[handled & seen],
        np.zeros(max(1, int(handled[~seen].sum())), bool),
    )


def drawn(dice: np.random.Generator, pool: np.ndarray, lives: int, audits: int) -> np.ndarray:
    """Audits drawn by chance, (lives, audits)."""
    return pool[dice.integers(0, len(pool), (lives, audits))].astype(float)


def line(
    dice: np.random.Generator, name: str, change: str, base: np.ndarray, pool: np.ndarray, fall: float, given
) -> None:
    """How many audits after the change the promise is broken."""
    of_work = fall / (base.mean() - pool.mean())
    if not 0 < of_work <= 1:
        print(
            f"{name:16}{change:22}{fall:>6.0%}   cannot fall so far: agreement of the changed kind is {pool.mean():.3f}"
        )
        return
    lives = given.lives // 4
    after = np.where(
        dice.random((lives, given.audits)) < of_work,
        drawn(dice, pool, lives, given.audits),
        drawn(dice, base, lives, given.audits),
    )
    broken = sequence.broken_at(np.concatenate([drawn(dice, base, lives, BEFORE), after], axis=1), PROMISE, ERROR)
    late = broken > BEFORE
    waits = np.where(broken == 0, np.inf, broken - BEFORE)[late | (broken == 0)]
    median, most = (np.quantile(waits, share, method="higher") for share in (0.5, 0.9))
    early = ((broken > 0) & ~late).mean()
    told = f"{name:16}{change:22}{fall:>6.0%}{of_work:>9.1%}{late.mean():>9.1%}"
    print(f"{told}{median:>8.0f}{most:>9.0f}{early:>8.1%}", flush=True)


if __name__ == "__main__":
    main()
