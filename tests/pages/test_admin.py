"""Admin: people, keys, projects, the trail; and what a stranger sees of the pages."""

from __future__ import annotations

import csv
import io
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from experiments_core.domain.access import LOCAL, Actor, Role
from experiments_core.domain.experiment import ExperimentDraft
from experiments_core.domain.metric_kinds import Proportion
from experiments_core.services import (
    accounts,
    acting,
    auditing,
    backups,
    experiments,
    keys,
    organisations,
    participants,
    people,
    projects,
)
from experiments_core.services.workspace import Workspace
from pages.parts import who
from tests.pages.conftest import ROOT, Open
from tests.pages.words import tables

VIEWER = Actor("Vic", Role.VIEWER)


def texts(app: object) -> str:
    return " ".join(str(one.value) for one in app.markdown)  # type: ignore[attr-defined]


def test_an_admin_sees_people_keys_projects_and_the_trail(ws: Workspace, open_page: Open):
    people.add_user(ws, LOCAL, "mira@example.com", name="Mira", role="admin")
    keys.create_key(ws, LOCAL, "checkout")
    app = open_page("admin", tab="keys")
    assert not app.exception
    labels = [tab.label for tab in app.tabs]
    assert labels == ["People", "Keys", "Projects", "Webhooks", "Backups", "Audit log"]
    assert "Mira" in texts(app)
    assert "checkout" in texts(app)
    next(b for b in app.button if b.label == "Back up now").click().run()
    assert not app.exception
    (made,) = backups.list_backups(ws, LOCAL)
    shown = " ".join(table.to_string() for table in tables(app))
    assert made.file.name in shown.replace("\\", "")


def test_a_key_is_shown_once(ws: Workspace, open_page: Open):
    app = open_page("admin")
    app.text_input(key="key-name").set_value("checkout")
    next(b for b in app.button if b.label == "Make the key").click().run()
    (made,) = keys.list_keys(ws, LOCAL)
    shown = [code.value for code in app.code]
    assert any(value.startswith(f"{made.shown}_") for value in shown)
    app.run()  # whatever redraws the page, such as another width, takes it away from nobody
    assert any(code.value.startswith(f"{made.shown}_") for code in app.code)
    next(b for b in app.button if b.label == "I have copied it").click().run()
    assert not any(code.value.startswith(f"{made.shown}_") for code in app.code)
    app.button(key=f"revoke-{made.id}").click().run()
    assert keys.list_keys(ws, LOCAL)[0].revoked_at is not None


def test_a_person_is_added_with_a_link_and_switched_off(ws: Workspace, open_page: Open):
    app = open_page("admin")
    app.text_input(key="person-email").set_value("jo@example.com")
    next(b for b in app.button if b.label == "Add").click().run()
    (jo,) = people.list_users(ws, LOCAL)
    assert any("/sign-in?link=" in code.value for code in app.code)
    app.button(key=f"off-{jo.id}").click().run()
    assert people.list_users(ws, LOCAL)[0].active is False


def test_a_setting_of_a_project_is_saved(ws: Workspace, open_page: Open):
    app = open_page("admin")
    next(t for t in app.toggle if t.label.startswith("Strict")).set_value(True)
    app.button(key="project-default-save").click().run()
    assert projects.get_project(ws, LOCAL, "default").settings.strict_traffic


@pytest.mark.parametrize("way", ("mine", "theirs"))
def test_somebody_elses_setting_takes_no_toggle_away(ws: Workspace, open_page: Open, way: str):
    app = open_page("admin")
    strict = next(t for t in app.toggle if t.label.startswith("Strict"))
    strict.set_value(True).run()
    projects.edit_project(
        ws, LOCAL, "default", {"strict_traffic": False, "global_holdout_bp": 500}, version=1
    )
    app.button(key="project-default-save").click().run()
    assert "Somebody changed the project" in texts(app)
    assert not projects.get_project(ws, LOCAL, "default").settings.strict_traffic
    (sides,) = [t for t in tables(app) if "Yours" in t.to_string()]
    assert all(said in sides.to_string() for said in ("Strict traffic", "off", "on"))
    app.button(key=f"conflict-project-default-{way}").click().run()
    kept = projects.get_project(ws, LOCAL, "default").settings
    assert (kept.strict_traffic, kept.global_holdout_bp) == (way == "mine", 500)
    shown = next(t for t in app.toggle if t.label.startswith("Strict"))
    assert shown.value == (way == "mine")
    assert not any("Yours" in t.to_string() for t in tables(app))


def test_a_zone_that_somebody_else_set_is_not_written_over(ws: Workspace, open_page: Open):
    app = open_page("admin")
    organisations.edit_organisation(ws, LOCAL, time_zone="Europe/Berlin")
    name = next(t for t in app.text_input if t.key.startswith("organisation-name"))
    name.set_value("Acme").run()
    app.button(key="conflict-organisation-mine").click().run()
    kept = organisations.organisation_of(ws, LOCAL.org_id)
    assert (kept.name, kept.time_zone) == ("Acme", "Europe/Berlin")


def test_the_trail_names_what_was_changed_and_is_narrowed(ws: Workspace, open_page: Open):
    keys.create_key(ws, LOCAL, "checkout service")
    made = experiments.create_experiment(ws, LOCAL, ExperimentDraft("Old name"))
    experiments.edit_experiment(ws, LOCAL, made.id, {"name": "=New"}, version=made.version)
    app = open_page("admin")
    assert app.selectbox(key="audit-verb").options == ["create", "edit"]
    trail = app.dataframe[0].value
    assert trail["Which"].to_list() == ["=New", "=New", "checkout service"]
    app.selectbox(key="audit-kind").select("key").run()
    assert app.dataframe[0].value["Which"].to_list() == ["checkout service"]
    text = auditing.audit_csv(ws, LOCAL, auditing.Asked(object="experiment"))
    lines = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
    assert [(one["verb"], one["name"]) for one in lines] == [
        ("edit", "'=New"), ("create", "'=New"),
    ]  # fmt: skip


def test_the_chain_is_checked(ws: Workspace, open_page: Open):
    keys.create_key(ws, LOCAL, "checkout")
    app = open_page("admin")
    next(b for b in app.button if b.label == "Check the chain").click().run()
    assert [one.value for one in app.success] == ["Every event is as it was written."]
    with ws.db.write() as cursor:
        cursor.execute("UPDATE audit SET actor = 'x' WHERE seq = 1")
    next(b for b in app.button if b.label == "Check the chain").click().run()
    assert "Event 1" in app.error[0].value


@pytest.fixture
def as_viewer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "page_actor", lambda *_: VIEWER)


@pytest.mark.usefixtures("as_viewer")
def test_somebody_else_learns_whom_to_ask(ws: Workspace, open_page: Open):
    people.add_user(ws, LOCAL, "mira@example.com", name="Mira", role="admin")
    app = open_page("admin")
    assert not app.tabs
    assert "Ask an admin: Mira" in texts(app).replace("\\", "")


@pytest.mark.parametrize(
    ("page", "acts"),
    (
        ("experiments", {"Drop a CSV", "New experiment", "Unarchive"}),
        ("create", {"Save draft"}),
        ("data", set()),
        ("plan", {"Create an experiment from this"}),
        ("traffic", {"Pause", "Stop", "Open phase 2", "Add this step", "Override", "Make it"}),
    ),
)
def test_a_viewer_is_offered_nothing_that_would_be_refused(
    ws: Workspace, open_page: Open, page: str, acts: set[str], monkeypatch: pytest.MonkeyPatch
):
    draft = ExperimentDraft("Old", metrics=(Proportion("paid"),), allocation_bp=5000)
    old = experiments.create_experiment(ws, LOCAL, draft)
    acting.transition(ws, LOCAL, old.id, "archive", version=old.version)
    new = experiments.create_experiment(ws, LOCAL, replace(draft, name="New"))
    acting.transition(ws, LOCAL, new.id, "start", version=new.version)
    app = open_page(page)
    assert acts <= {one.label for one in app.button}
    monkeypatch.setattr(accounts, "page_actor", lambda *_: VIEWER)
    app.run()
    assert not app.exception
    assert not acts & {one.label for one in app.button}
    assert page != "data" or not app.get("file_uploader")


@pytest.mark.parametrize(
    "page", ("experiments", "create", "traffic", "data", "results", "admin")
)
def test_in_accounts_mode_a_stranger_sees_the_way_to_sign_in_and_nothing_else(
    ws: Workspace, open_page: Open, page: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(who, "cookie", lambda: "")
    ws.settings = replace(ws.settings, auth="accounts")
    app = open_page(page)
    assert not app.exception
    assert [title.value for title in app.title][-1] == "Sign in"
    assert any('href="/sign-in?next=' in one.proto.body for one in app.get("html"))


def test_keys_of_documents_are_announced(ws: Workspace):
    ws.settings = replace(ws.settings, test_keys=True)
    app = AppTest.from_file(str(ROOT / "app.py"), default_timeout=30).run()
    assert "UPSHOT_TEST_KEYS" in app.warning[0].value


def test_a_person_is_erased_after_a_tick(ws: Workspace, open_page: Open):
    experiments.create_experiment(ws, LOCAL, ExperimentDraft("Checkout"))
    participants.set_override(ws, LOCAL, "checkout", "zoe", "control")
    app = open_page("admin")
    app.text_input(key="erase-unit-id").set_value("zoe")
    erase = next(b for b in app.button if b.label == "Erase this unit")
    erase.click().run()
    assert participants.overrides(ws, LOCAL, "checkout") == {"zoe": "control"}
    app.checkbox(key="erase-unit-sure").check()
    next(b for b in app.button if b.label == "Erase this unit").click().run()
    assert participants.overrides(ws, LOCAL, "checkout") == {}
    assert [one.value for one in app.success] == ["Erased: 1 override."]
    assert app.text_input(key="erase-unit-id").value == ""
