"""What a job can be: what runs it and how it is called while it runs. One row a kind; queue, worker, pages and commands read it.

Bodies are named, not imported: they are resolved when a job runs, so that the base imports no stage.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class JobKind:
    """`body`: module:function(db, params, progress) that does it and returns a JSON-able result. `doing`: in words for people.
    `units`: what its steps count. `pauses`: stopped, it has only paused: what it paid for is kept and it goes on from there.
    `student`: the parameter that says what student it trains, where it says how long it takes. `deed`: what it is in the table of
    rights (core/people/rights.py) and in the audit trail, where a body that `tells` leaves the line itself, once it is done."""

    body: str
    doing: str
    deed: str
    units: str = ""
    pauses: bool = False
    student: str = ""
    tells: bool = False


KINDS: dict[str, JobKind] = {
    "import_assets": JobKind("core.distil:import_job", "Importing", "import", "rows"),
    "import_images": JobKind("core.distil:import_images_job", "Importing images", "import", "images"),
    "read_images": JobKind("core.assets.image_texts:read_again_job", "Reading images again", "import", "images"),
    "import_log": JobKind("core.exchanges.logs:import_job", "Importing a log", "import", "rows"),
    "take_calls": JobKind("core.exchanges.kept:take_job", "Making labels of calls", "import", "rows"),
    "label": JobKind("core.label.labelling:label_job", "Labelling", "label", "assets", pauses=True),
    "rounds": JobKind("core.rounds:rounds_job", "Labelling in rounds", "label"),
    "taxonomy": JobKind("core.label.relabel:carry_over_job", "Carrying labels to the new taxonomy", "settings"),
    "train": JobKind("core.distil:train_job", "Training", "train", student="kind"),
    "learn": JobKind("core.relearning:learn_job", "Learning from work", "train", student="kind"),
    "meet": JobKind("core.relearning:meet_job", "Champion and challenger meet", "train", "answers"),
    "distil": JobKind("core.distil:distil_job", "On the way to a verdict", "train", student="student"),
    "writers": JobKind("core.write.training:train_job", "Teaching students to write", "train"),
    "blind": JobKind("core.write.blind_pairs:draw_job", "Drawing up the blind test", "review", "briefs"),
    "teacher_drafts": JobKind(
        "core.write.teacher_file:write_job", "The teacher writes drafts", "label", "briefs", pauses=True
    ),
    "judge_pairs": JobKind(
        "core.write.judge_pairs:judge_job", "The judge compares pairs", "label", "pairs", pauses=True
    ),
    "vendor": JobKind("core.vendor:ask_job", "Asking a vendor", "label", "assets"),
    "vendor_drafts": JobKind(
        "core.write.vendors:ask_job", "Asking a vendor for drafts", "label", "briefs", pauses=True
    ),
    "rival": JobKind("core.evaluate.rivals:ask_job", "Asking a decision model", "label", "assets", pauses=True),
    "curve": JobKind("core.evaluate.learning_curve:curve_job", "Tracing the learning curve", "train"),
    "review_queue": JobKind("core.review.queue:build_job", "Finding what to review", "review"),
    "suggestions": JobKind("core.evaluate.suggestions:look_job", "Looking for categories that are two", "settings"),
    "score": JobKind("core.deploy.scoring:score_job", "Classifying a file", "use", "rows"),
    "send": JobKind("core.deploy.scoring:score_job", "Asking the teacher about a file", "label", "texts", pauses=True),
    "writer_export": JobKind("core.deploy.writer_export:export_job", "Exporting", "export"),
    "briefs": JobKind("core.deploy.brief_files:write_job", "Writing drafts of a file", "use", "briefs"),
    "archive": JobKind("core.keeping.archive:archive_job", "Writing all of the client as files", "export", tells=True),
    "backup": JobKind("core.keeping.backup:backup_job", "Backing up", "backup", "files", tells=True),
    "export": JobKind("core.deploy.export:export_job", "Exporting", "export", "assets"),
}
