"""The entry page: logging, deciding, and what happens when two hands meet."""

import pytest

from tracker.models import Entry, EntryTally, Event, Period, Plan


@pytest.fixture
def post(sign_in):
    def send(name, entry, action, **data):
        data.setdefault("version", Entry.objects.get(pk=entry.pk).version)
        return sign_in(name).post(entry.get_absolute_url(), {"action": action, **data})

    return send


def state(entry):
    return Entry.objects.get(pk=entry.pk).state


def test_a_draft_is_saved_and_then_submitted(post, owed, content):
    entry = owed["3.2.1"]
    assert post("reporter", entry, "save", **content).status_code == 302
    assert state(entry) == "draft"
    response = post("reporter", entry, "submit", **content)
    assert response.headers["Location"] == "/"
    assert state(entry) == "submitted"


def test_the_reviewer_returns_and_the_reporter_corrects_and_the_reviewer_accepts(post, sign_in, owed, content):
    entry = owed["3.2.1"]
    post("reporter", entry, "submit", **content)
    assert post("reviewer", entry, "return", comment="请补充站点分布").status_code == 302
    assert "请补充站点分布" in sign_in("reporter").get("/").content.decode()
    post("reporter", entry, "submit", **content | {"progress": "新建站点四个，其中商圈两个。"})
    post("reviewer", entry, "accept", comment="同意")
    assert state(entry) == "accepted"


def test_after_a_decision_the_next_entry_is_shown(post, owed, content):
    post("reporter", owed["3.2.1"], "submit", **content)
    post("reporter", owed["3.2.2"], "submit", **content)
    response = post("reviewer", owed["3.2.1"], "accept")
    assert response.headers["Location"] == owed["3.2.2"].get_absolute_url()
    assert post("reviewer", owed["3.2.2"], "accept").headers["Location"] == "/review/"


def test_a_return_without_a_reason_is_asked_for_it(post, owed, content):
    post("reporter", owed["3.2.1"], "submit", **content)
    response = post("reviewer", owed["3.2.1"], "return", comment=" ")
    assert response.status_code == 422
    assert response.context["decision"].errors["comment"]
    assert state(owed["3.2.1"]) == "submitted"


@pytest.mark.parametrize(
    ("code", "field", "typed"),
    [
        ("3.2.3", "percent", {"percent": "101"}),
        ("3.2.3", "percent", {"percent": "-1"}),
        ("3.2.3", "percent", {"percent": "四十"}),
        ("3.2.3", "percent", {"percent": "40", "status": "completed"}),
        ("3.2.1", "progress", {"progress": ""}),
        ("3.2.1", "progress", {"progress": "长" * 100_000}),
        ("3.2.1", "progress", {"progress": "有\x00字符"}),
        ("3.2.1", "status", {"status": ""}),
        ("3.2.1", "status", {"status": "odd"}),
        ("3.2.1", "problems", {"status": "blocked", "problems": ""}),
    ],
)
def test_a_wrong_value_is_said_beside_its_field_and_what_was_typed_is_kept(post, owed, content, code, field, typed):
    entry = owed[code]
    response = post("reporter", entry, "submit", **content | {"next_steps": "这一句要留着。"} | typed)
    assert response.status_code == 422
    assert response.context["form"].errors[field]
    assert "这一句要留着。" in response.content.decode()
    assert state(entry) == "due"
    assert not Event.objects.filter(entry=entry).exists()


def test_a_task_of_status_only_takes_no_texts(post, owed, content):
    response = post("reporter", owed["3.2.4"], "submit", status="in_progress", progress="不该在此")
    assert response.status_code == 302
    assert Entry.objects.get(pk=owed["3.2.4"].pk).progress == ""


def test_two_people_saving_one_entry_the_second_sees_both(post, owed, content):
    entry = owed["3.2.1"]
    post("reporter", entry, "save", **content)
    response = post("reporter", entry, "save", version=1, **content | {"progress": "第二个人写的。"})
    page = response.content.decode()
    assert response.status_code == 409
    assert "第二个人写的。" in page
    assert content["progress"] in page
    assert Entry.objects.get(pk=entry.pk).progress == content["progress"]
    again = post(
        "reporter",
        entry,
        "save",
        **content | {"progress": "第二个人写的。", "version": response.context["form"]["version"].value()},
    )
    assert again.status_code == 302
    assert Entry.objects.get(pk=entry.pk).progress == "第二个人写的。"


def test_a_double_click_makes_one_submission(post, owed, content):
    entry = owed["3.2.1"]
    first = post("reporter", entry, "submit", version=1, **content)
    second = post("reporter", entry, "submit", version=1, **content)
    assert first.status_code == second.status_code == 302
    assert Event.objects.filter(entry=entry, action="submitted").count() == 1
    assert EntryTally.objects.get(line="territorial", period=entry.period, set_aside=False).submitted == 1


def test_a_locked_period_refuses_and_keeps_what_was_typed(post, owed, period, content):
    Period.objects.filter(pk=period.pk).update(opens="2026-01-01", due="2026-01-02", locks="2026-01-03")
    response = post("reporter", owed["3.2.1"], "submit", **content)
    assert response.status_code == 409
    assert content["progress"] in response.content.decode()
    assert state(owed["3.2.1"]) == "due"


def test_withdrawing_before_a_decision(post, owed, content):
    post("reporter", owed["3.2.1"], "submit", **content)
    assert post("reporter", owed["3.2.1"], "withdraw").status_code == 302
    assert state(owed["3.2.1"]) == "draft"


def test_the_one_who_decided_takes_it_back(post, owed, content):
    post("reporter", owed["3.2.1"], "submit", **content)
    post("reviewer", owed["3.2.1"], "accept")
    post("reviewer", owed["3.2.1"], "undo")
    assert state(owed["3.2.1"]) == "submitted"


@pytest.mark.parametrize("name", ["supervisor", "auditor", "leader", "administrator"])
@pytest.mark.parametrize("action", ["save", "submit", "withdraw", "accept", "return", "reopen", "undo", "delete"])
def test_who_may_not_act_changes_nothing(post, owed, cast, content, name, action):
    entry = owed["3.2.1"]
    entry.submit(by=cast.reporter, version=1, **content)
    before = Entry.objects.filter(pk=entry.pk).values().get(), Event.objects.count()
    response = post(name, entry, action, comment="理由", **content)
    assert response.status_code in (302, 403, 409, 422)
    assert (Entry.objects.filter(pk=entry.pk).values().get(), Event.objects.count()) == before


def test_where_the_plan_asks_for_no_review_submitting_accepts(post, plan, owed, content):
    Plan.objects.update(review="none")
    post("reporter", owed["3.2.1"], "submit", **content)
    assert state(owed["3.2.1"]) == "accepted"


@pytest.mark.parametrize("version", ["", "x", "-1", "99999999999999999999"])
def test_a_wrong_version_is_no_fault_of_ours(post, owed, content, version):
    assert post("reporter", owed["3.2.1"], "submit", **content | {"version": version}).status_code == 422
