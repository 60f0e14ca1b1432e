"""What a server counts, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, disable_created_metrics, generate_latest

from core.deploy.gate import ASKED, PASSED

disable_created_metrics()  # a timestamp for every counter, which nobody reads
MILLISECONDS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000, 5000, 30000)
WRITE_MILLISECONDS = (10, 30, 100, 200, 500, 1000, 2000, 5000, 10000, 30000, 60000, 120000)
SIZES = (1, 2, 4, 8, 16, 32, 64)
PATHS = (*ASKED, PASSED, "/health", "/metrics")


class Metrics:
    """The counters of one server."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        make = {"registry": self.registry}
        self.requests = Counter("understudy_requests", "Requests by path and HTTP status", ["path", "status"], **make)
        self.texts = Counter("understudy_texts", "Texts classified", **make)
        self.handled = Counter("understudy_handled", "Texts the student answered by itself", **make)
        self.strange = Counter("understudy_strange", "Texts unlike anything the student learned from", **make)
        self.fell_back = Counter("understudy_fell_back", "Texts the teacher answered", **make)
        self.teacher = Counter(
            "understudy_teacher",
            "Texts put to the teacher: answered, kept (asked before), unknown (never recorded), budget (spent), paused (the"
            " provider asked to wait), failed, late (too many wait)",
            ["outcome"],
            **make,
        )
        self.passed = Counter(
            "understudy_passed",
            "Calls passed on to a large model, by what became of them: kept (a label), or why there is none",
            ["outcome"],
            **make,
        )
        self.spent = Gauge("understudy_teacher_spent_usd", "Spent on the teacher this calendar month (UTC)", **make)
        self.facets = Counter(
            "understudy_facets",
            "Answers to one of several facets, by facet and by who gave them",
            ["facet", "answered_by"],
            **make,
        )
        self.seconds = Histogram(
            "understudy_classify_seconds",
            "Time to answer a request to /classify",
            buckets=[ms / 1000 for ms in MILLISECONDS],
            **make,
        )
        self.images = Counter(
            "understudy_images",
            "Images that came with requests: read, kept (read before), unread (their text alone was used), refused",
            ["outcome"],
            **make,
        )
        self.reading = Histogram(
            "understudy_image_seconds",
            "Time to read the words on an image, without waiting",
            buckets=[ms / 1000 for ms in MILLISECONDS],
            **make,
        )
        self.batches = Histogram("understudy_batch_texts", "Texts the student answers at once", buckets=SIZES, **make)
        self.waiting = Gauge("understudy_waiting_texts", "Texts that wait for the student", **make)
        self.student = Gauge(
            "understudy_student_id", "The number of the student that answers, 0 where several do", **make
        )
        self.briefs = Counter("understudy_briefs", "Briefs drafts were written of", **make)
        self.briefs_handled = Counter(
            "understudy_briefs_handled", "Briefs with a draft of the student that passes every gate", **make
        )
        self.briefs_by_teacher = Counter("understudy_briefs_by_teacher", "Briefs that the teacher wrote of", **make)
        self.drafts = Counter("understudy_drafts", "Drafts that went out", ["passed"], **make)
        self.write_seconds = Histogram(
            "understudy_write_seconds",
            "Time to answer a request to /write",
            buckets=[ms / 1000 for ms in WRITE_MILLISECONDS],
            **make,
        )
        self.waiting_briefs = Gauge("understudy_waiting_briefs", "Briefs that wait for the student", **make)
        self.writer = Gauge("understudy_writer_id", "The number of the student that writes", **make)

    def request(self, path: str, status: int) -> None:
        """Count a request; addresses that do not exist are one path."""
        self.requests.labels(path if path in PATHS else "other", status).inc()

    def image(self, outcome: str, seconds: float) -> None:
        """Count an image, and where it was read now how long that took."""
        self.images.labels(outcome).inc()
        if outcome == "read":
            self.reading.observe(seconds)

    def totals(self) -> dict[str, int]:
        """Requests to /classify and /write so far, texts, and where there were any, briefs and calls passed on."""
        counted = [sample for metric in self.requests.collect() for sample in metric.samples]
        by_path = [(s.labels["path"], s.value) for s in counted if s.name.endswith("_total")]
        asked = sum(value for path, value in by_path if path in ASKED)
        passed = int(sum(value for path, value in by_path if path == PASSED))
        briefs = int(self.registry.get_sample_value("understudy_briefs_total"))
        texts = int(self.registry.get_sample_value("understudy_texts_total"))
        more = {name: n for name, n in (("briefs", briefs), ("passed", passed)) if n}
        return {"requests": int(asked), "texts": texts} | more

    def text(self) -> bytes:
        """Everything in Prometheus' text format."""
        return generate_latest(self.registry)
