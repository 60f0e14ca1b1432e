"""Pictures of the pages People and Audit trail for the documentation: an agency that is made up, people logged in.

python -m tests.browser.people_screens [folder]    (default: docs/screens; a minute)
"""

from __future__ import annotations

import os
import sys
import tempfile
from contextlib import closing
from pathlib import Path

from oidc_provider_mock import run_server_in_thread
from playwright.sync_api import expect, sync_playwright

from core import audit, database, people, settings, tasks
from core.watch import rules
from core.wires import connections
from tests.browser.conftest import ARGUMENTS, CHROMIUM, ROOT, VIEWPORT, App
from tests.browser.screenshots import shoot, visit
from tests.browser.test_login import ADMIN, claims_of, log_in, with_login


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        home = Path(scratch) / "workspace"
        os.environ["UNDERSTUDY_HOME"] = str(home)
        agency()
        with run_server_in_thread(user_claims=claims_of(ADMIN)) as provider, sync_playwright() as playwright:
            app = App(home)
            os.environ.update(with_login(app, provider.server_port))
            app.start()
            chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
            try:
                page = chromium.new_page(viewport=VIEWPORT)
                page.set_default_timeout(180_000)
                log_in(page, app, ADMIN)
                expect(page.get_by_role("button", name="Log out")).to_be_visible(timeout=180_000)
                for key in ("people", "audit"):
                    visit(page, app, key)
                    shoot(page, folder / f"{key}.png")
            finally:
                chromium.close()
                app.stop()


def agency() -> None:
    """Two clients, their people, and a week's deeds."""
    with closing(database.connect()) as db, audit.acting(ADMIN):
        northwind, harbour = tasks.of(db, "Northwind Outdoor", "Offer"), tasks.of(db, "Harbour Coffee", "Topic")
        people.add(db, ADMIN, "Ada Quill", administrator=True)
        for name, role, task in (
            ("Mia Rowan", "manager", northwind),
            ("Rev Okafor", "reviewer", northwind),
            ("Vera Lind", "viewer", harbour),
        ):
            person = people.add(db, f"{name.split()[0].lower()}@agency.example", name)
            people.give(db, person, task.client_id, role)
        connections.save(db, 0, "House model", "openai", "gpt-5-mini", key_source="env:OPENAI_API_KEY")
        with audit.acting("mia@agency.example"):
            settings.put(db, "target_agreement", 0.97, northwind)
            rules.put_watching(db, northwind, rules.Watching(share=0.05, broken="teacher"))
            rules.put_keeping(db, northwind.client_id, rules.Keeping(audit_usd=20.0))
            tasks.add(db, northwind.client_id, "Format")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs" / "screens")
