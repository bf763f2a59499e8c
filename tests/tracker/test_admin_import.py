"""Changed records brought back into the back office: looked over, then all of it or nothing, with history and scope."""

import datetime as dt
import io
import zipfile

import pytest
from django.core.management import call_command
from django.utils import translation

from tests.conftest import person
from tests.tracker.exchanging import as_csv, as_xlsx, changes, choose, content, export, refusals, take
from tests.tracker.office import said, url
from tracker.admin.exchange import files, pages, records
from tracker.models import Area, Assignment, Event, Figure, Holiday, Operation, Organization, Role, Task, User

pytestmark = pytest.mark.usefixtures("in_english")

CREDIT = "91350100M000100Y43"


@pytest.fixture(autouse=True)
def _aside(settings, tmp_path):
    settings.VAR_DIR = tmp_path


def zipped(name, size=1):
    """What looks like a workbook, with one more part."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as book:
        for part in ("[Content_Types].xml", "xl/workbook.xml"):
            book.writestr(part, "x")
        book.writestr(name, b"0" * size)
    return out.getvalue()


def taken(client, model, sent):
    """Choose the file, see nothing refused, take it."""
    page = choose(client, model, sent)
    assert page.status_code == 200, refusals(page)
    answer = take(client, model, page)
    assert answer.status_code == 302, said(answer)
    return page


# There and back.


@pytest.mark.parametrize("kind", ["csv", "xlsx"])
@pytest.mark.parametrize("model", ["organization", "user", "assignment", "holiday", "task", "area", "figure"])
def test_a_file_as_it_was_exported_changes_nothing(office, everything, model, kind):
    page = choose(office, model, content(export(office, model, kind=kind)))
    assert page.status_code == 200, refusals(page)
    assert (page.context["changed"], page.context["refused"]) == ([], [])
    assert page.context["outcome"].unchanged > 0


def test_a_file_in_the_other_language_in_gb18030_and_another_order_is_understood(office, bodies):
    office.cookies["django_language"] = "zh-hans"
    with translation.override("zh-hans"):
        lines = content(export(office, "organization", "?q=111")).decode("utf-8-sig").splitlines()
    office.cookies["django_language"] = "en"
    flipped = "\r\n".join(",".join(reversed(line.split(","))) for line in lines).encode("gb18030")
    page = choose(office, "organization", flipped)
    assert (page.status_code, page.context["outcome"].unchanged) == (200, 1)


def test_a_changed_file_is_shown_old_and_new_and_then_taken_with_its_history(office, bodies, cast, tmp_path):
    sent = as_xlsx(
        ["Organization code", "Telephone", "Founded on", "Level"],
        ["111", "0871-1", dt.date(2026, 11, 22), "市级"],
        ["112", "0871-2", None, None],
    )
    page = choose(office, "organization", sent)
    assert refusals(page) == [(3, "Level", "This field cannot be blank.")]
    sent = as_xlsx(
        ["Organization code", "Telephone", "Founded on", "Level"],
        ["111", "0871-1", dt.date(2026, 11, 22), "市级"],
        ["112", "0871-2", None, "County"],
        ["2", None, None, "Province"],
    )
    page = choose(office, "organization", sent)
    assert changes(page) == {
        "111": {"Telephone": ("0000-0001", "0871-1"), "Founded on": ("", "2026-11-22"), "Level": ("County", "City")},
        "112": {"Telephone": ("", "0871-2")},
    }
    bodies.county.refresh_from_db()
    assert bodies.county.telephone == "0000-0001"  # nothing is taken before it is looked at
    answer = take(office, "organization", page)
    assert said(office.get(answer.url)) == ["Imported: 2 changed, 0 new."]
    bodies.county.refresh_from_db()
    assert (bodies.county.telephone, bodies.county.level) == ("0871-1", "city")
    newest, before = bodies.county.history.all()
    assert (newest.history_user, newest.history_change_reason) == (cast.administrator, "Imported from a file.")
    assert (before.telephone, newest.telephone) == ("0000-0001", "0871-1")
    assert bodies.other.history.count() == 1  # what did not change has no version
    assert list((tmp_path / "looked-over").iterdir()) == []
    line = Operation.objects.filter(action="administered").first()
    assert line.detail["did"] == "imported"
    assert (line.target, line.detail["rows"]) == ("改好的.csv", 2)
    assert set(line.detail["fields"]) == {"telephone", "founded_on", "level"}


def test_an_emptied_cell_empties_and_a_column_left_out_stays(office, bodies):
    taken(office, "organization", as_csv(["组织编码", "联系电话"], ["111", ""]))
    bodies.county.refresh_from_db()
    assert (bodies.county.telephone, bodies.county.contact) == ("", "王办公")


def test_a_new_name_is_found_by_its_pinyin_too(office, bodies):
    taken(office, "organization", as_csv(["Organization code", "Name"], ["111", "昆明市总工会"]))
    assert Organization.objects.search("kunming").get() == bodies.county


@pytest.mark.parametrize("text", ["=1+1", "'=1", "-1", "@a", "有,逗号", '引"号', "𠮷🙂", "007", "3-4"])
def test_a_guarded_text_comes_back_unguarded(office, bodies, text):
    Organization.objects.filter(pk=bodies.county.pk).update(contact=text)
    for kind in ("csv", "xlsx"):
        page = choose(office, "organization", content(export(office, "organization", "?q=111", kind=kind)))
        assert (page.status_code, page.context["changed"]) == (200, [])


# What is refused, by row and column.


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("Parent code", "2", "stands as “11”"),
        ("Parent", "别处", "stands as “示例一市总工会”"),
        ("Line", "Industrial", "stands as “Territorial”"),
        ("Closed on", "2026-01-01", "stands as “(empty)”"),
        ("Level", "nowhere", "is not understood"),
        ("Founded on", "yesterday", "This is no day"),
        ("Founded on", "1800-01-01", "between 1900 and 2100"),
        ("Unified social credit code", "abc", "18"),
        ("Short name", "长" * 61, "at most 60 characters"),
        ("Name", "", "cannot be blank"),
        ("Telephone", "=1+1", "This is a formula"),
    ],
)
def test_a_cell_that_cannot_be_taken_is_named_by_row_and_column(office, bodies, column, value, why):
    head = ["Organization code", column, "Contact person"]
    page = choose(office, "organization", as_csv(head, ["112", "", "甲"], ["111", value, "乙"]))
    told = {(number, name): message for number, name, message in refusals(page)}
    assert why in told[3, column]
    assert take(office, "organization", page).url == url("organization", "import")
    bodies.county.refresh_from_db()
    assert bodies.county.contact == "王办公"


def test_rows_out_of_scope_and_rows_of_nothing_are_refused_alike(client, bodies):
    client.force_login(person("local", bodies.other, Role.ADMINISTRATOR))
    client.cookies["django_language"] = "en"
    sent = as_csv(
        ["Organization code", "Telephone"], ["111", "1"], ["nobody", "1"], ["a\x07b", "1"], ["2", "1"], ["", "1"]
    )
    told = refusals(choose(client, "organization", sent))
    assert [number for number, _column, _why in told] == [2, 3, 4, 6]
    assert len({why for number, _column, why in told[:3]}) == 1
    assert told[3][2] == "This cell is empty."


def test_who_holds_a_role_out_of_scope_is_seen_and_not_changed(client, bodies):
    local = person("local", bodies.city, Role.ADMINISTRATOR)
    both = person("both", bodies.county, Role.REPORTER)
    both.memberships.create(organization=bodies.other, role=Role.REPORTER)
    mine = person("mine", bodies.county, Role.REPORTER)
    client.force_login(local)
    client.cookies["django_language"] = "en"
    page = choose(client, "user", as_csv(["User name", "Name"], ["both", "新名"], ["mine", "新名"]))
    assert refusals(page) == [(2, "", "This record is not yours to change.")]
    taken(client, "user", as_csv(["User name", "Name"], ["both", "both"], ["mine", "新名"]))
    mine.refresh_from_db()
    assert (mine.name, mine.history.first().history_user) == ("新名", local)


def test_roles_and_open_accounts_are_only_read(office, cast):
    sent = as_csv(["User name", "Roles", "Account is open"], ["reporter", "甲县总工会 · Leader", "no"])
    assert [column for _number, column, _why in refusals(choose(office, "user", sent))] == ["Roles", "Account is open"]
    page = choose(office, "user", as_csv(["User name", "Name"], ["stranger", "某人"]))
    assert "roster" in refusals(page)[0][2]


def test_the_same_record_or_the_same_credit_code_twice_is_told(office, bodies):
    head = ["Organization code", "Unified social credit code"]
    page = choose(office, "organization", as_csv(head, ["111", CREDIT], ["112", CREDIT.lower()], ["111", ""]))
    assert [(number, column) for number, column, _why in refusals(page)] == [
        (3, "Unified social credit code"),
        (4, "Organization code"),
    ]


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (b"", "empty"),
        (b"\x00", "neither a CSV"),
        (b"\xd0\xcf\x11\xe0", "old or a protected"),
        (b"PK\x03\x04", "cannot be read"),
        (zipped("xl/externalLinks/externalLink1.xml"), "links to other files"),
        (zipped("xl/worksheets/sheet1.xml", size=20_000_000), "unpacks to far more"),
        (b"a,b\n1,2", "must name these columns"),
        (b"code\n", "no row below"),
        (b"code,code,name\n1,2,3", "stands in the file twice"),
    ],
)
def test_what_is_no_such_file_gets_a_sentence(office, bodies, sent, why):
    page = choose(office, "organization", sent.replace(b"code", "组织编码".encode()))
    assert page.status_code == 422
    assert why in page.context["form"].errors["file"][0]


def test_a_file_that_is_too_long_is_refused_and_the_limit_named(office, bodies, monkeypatch):
    monkeypatch.setattr(files, "MOST_ROWS", 2)
    sent = as_csv(["Organization code", "Telephone"], ["111", "1"], ["112", "2"], ["2", "3"])
    assert "more than 2 rows" in choose(office, "organization", sent).context["form"].errors["file"][0]


def test_a_file_that_changes_too_much_at_once_is_refused_and_the_limit_named(office, bodies, monkeypatch, tmp_path):
    monkeypatch.setattr(records.OrganizationResource, "most", 2)
    sent = as_csv(["Organization code", "Telephone"], ["111", "1"], ["112", "2"], ["2", "3"])
    page = choose(office, "organization", sent)
    assert page.status_code == 422
    assert "more than 2 rows" in page.content.decode()
    assert take(office, "organization", page).url == url("organization", "import")


def test_columns_that_are_not_known_are_named(office, bodies):
    page = choose(office, "organization", as_csv(["Organization code", "Phone", "Contact person"], ["111", "1", "乙"]))
    assert page.context["strange"] == ["Phone"]


# What was seen is what is taken.


def test_what_changed_since_it_was_looked_at_is_not_overwritten(office, bodies):
    page = choose(office, "organization", as_csv(["Organization code", "Telephone"], ["111", "1"], ["112", "2"]))
    Organization.objects.filter(pk=bodies.county.pk).update(telephone="from elsewhere")
    answer = take(office, "organization", page)
    assert answer.status_code == 409
    assert "nothing was taken" in said(answer)[0]
    assert changes(answer)["111"] == {"Telephone": ("from elsewhere", "1")}
    assert Organization.objects.filter(telephone="2").count() == 0
    assert take(office, "organization", answer).status_code == 302  # seen now, and taken


def test_a_file_is_taken_once_and_by_who_looked_it_over(office, client, bodies, cast):
    page = choose(office, "organization", as_csv(["Organization code", "Telephone"], ["111", "1"]))
    assert take(office, "organization", page).url == url("organization", "changelist")
    answer = take(office, "organization", page)
    assert answer.url == url("organization", "import")
    assert "not there any more" in said(office.get(answer.url))[-1]
    page = choose(office, "organization", as_csv(["Organization code", "Telephone"], ["111", "2"]))
    client.force_login(person("second", bodies.nation, Role.ADMINISTRATOR))
    assert take(client, "organization", page).url == url("organization", "import")


def test_another_file_takes_the_place_of_the_one_before(office, bodies, tmp_path):
    for telephone in ("1", "2"):
        page = choose(office, "organization", as_csv(["Organization code", "Telephone"], ["111", telephone]))
    assert len(list((tmp_path / "looked-over").iterdir())) == 1
    choose(office, "organization", as_csv(["Organization code", "Telephone"], ["nobody", "1"]))
    assert list((tmp_path / "looked-over").iterdir()) == []
    assert take(office, "organization", page).url == url("organization", "import")


def test_all_of_it_or_nothing_when_a_row_fails_in_the_saving(office, bodies, monkeypatch):
    page = choose(office, "organization", as_csv(["Organization code", "Telephone"], ["112", "2"], ["111", "1"]))
    write = records.OrganizationResource.write

    def failing(self, instance, names):
        write(self, instance, names)
        if instance.code == "111":
            Organization.objects.create(code="112", path="x")  # what the database refuses

    monkeypatch.setattr(records.OrganizationResource, "write", failing)
    answer = take(office, "organization", page)
    assert answer.status_code == 409
    assert "Somebody was here before you" in answer.context["refused"][0].message
    assert not Organization.objects.filter(telephone__in="12").exists()
    assert bodies.sister.history.count() == 1
    assert not Operation.objects.filter(action="administered").exists()


def test_a_fault_of_ours_is_not_told_as_the_files(office, bodies, monkeypatch):
    def broken(self, instance, faults):
        raise ZeroDivisionError

    monkeypatch.setattr(records.OrganizationResource, "check", broken)
    with pytest.raises(ZeroDivisionError):
        choose(office, "organization", as_csv(["Organization code", "Telephone"], ["111", "1"]))


# Each record by its own rules.


def test_assignments_change_by_their_own_method_and_leave_their_event(office, everything, bodies, cast):
    sent = as_csv(
        [
            "Plan's slug",
            "Code",
            "Organization code",
            "Person responsible",
            "Due",
            "Reviewing organization's code",
            "Part",
        ],
        ["18", "3.2.1", "111", "李四", "2027年6月30日", "1", "配合"],
        ["18", "3.2.1", "112", "", "2028-10-31", "11", "牵头"],
    )
    page = taken(office, "assignment", sent)
    assert list(changes(page)) == ["18 3.2.1 111"]
    assignment = Assignment.objects.get(task__code="3.2.1", organization=bodies.county)
    assert (assignment.responsible, assignment.due, assignment.part) == ("李四", dt.date(2027, 6, 30), "cooperating")
    assert assignment.reviewing == bodies.province
    event = Event.objects.filter(assignment=assignment).first()
    assert (event.action, event.by) == ("amended", cast.administrator)
    assert event.content["responsible"] == ["", "李四"]
    assert "Part" in refusals(choose(office, "assignment", sent.replace("配合".encode(), "主办".encode())))[0][1]


@pytest.mark.parametrize(
    ("column", "value", "why"),
    [
        ("Status", "Completed", "stands as “In progress”"),
        ("Ended on", "2026-01-01", "stands as “(empty)”"),
        ("Due", "2020-01-01", "before the start"),
        ("Reviewing organization's code", "111", "does not review its own"),
        ("Reviewing organization's code", "", "Name the organization that reviews"),
        ("Reviewing organization's code", "nobody", "There is no organization with the code nobody"),
    ],
)
def test_an_assignment_refuses_what_its_form_refuses(office, everything, column, value, why):
    page = choose(
        office,
        "assignment",
        as_csv(["Plan's slug", "Code", "Organization code", column], ["18", "3.2.1", "111", value]),
    )
    assert [(number, name) for number, name, _why in refusals(page)] == [(2, column)]
    assert why in refusals(page)[0][2]


def test_tally_rows_follow_what_is_imported(office, everything, bodies, cast):
    sent = as_csv(["Plan's slug", "Code", "Organization code", "Due"], ["18", "3.2.1", "112", "2023-10-02"])
    taken(office, "assignment", sent)
    assert Assignment.objects.get(task__code="3.2.1", organization=bodies.sister).light == "red"
    call_command("check_tallies")  # exits with a fault where they do not agree


def test_holidays_are_made_and_changed(office, everything):
    sent = as_csv(["日期", "名称", "调休上班"], ["2026-10-01", "国庆", "否"], ["2026/10/10", "调休", "是"])
    page = choose(office, "holiday", sent)
    assert page.context["strange"] == []
    assert page.context["outcome"].made == 1
    assert take(office, "holiday", page).status_code == 302
    assert list(Holiday.objects.values_list("day", "name", "working")) == [
        (dt.date(2026, 10, 1), "国庆", False),
        (dt.date(2026, 10, 10), "调休", True),
    ]
    assert [one.history_type for one in Holiday.history.order_by("history_id")] == ["+", "~", "+"]


def test_tasks_take_settings_and_their_lead_organization(office, everything, tasks, bodies, cast):
    head = ["Plan's slug", "Code", "Lead organization's code", "Levels", "Frequency", "Wording"]
    sent = as_csv(head, ["18", "3.2.1", "11", "市级、县级", "Monthly", "一号举措"])
    page = taken(office, "task", sent)
    assert changes(page)["18 3.2.1"]["Levels"][1] == "City, County"
    task = Task.objects.get(code="3.2.1")
    assert (task.owner, task.levels, task.frequency) == (bodies.city, ["city", "county"], "month")
    assert task.assignments.get(organization=bodies.city).part == "lead"
    assert {one.history_user for one in task.history.all()[:2]} == {cast.administrator}
    refused = refusals(choose(office, "task", as_csv(head, ["18", "3.2.1", "11", "", "Monthly", "别的举措"])))
    assert [column for _number, column, _why in refused] == ["Wording", "Levels"]


def test_an_ended_task_stays_as_it_ended(office, everything, tasks, cast):
    tasks[0].end("已并入日常工作", by=cast.administrator)
    page = choose(office, "task", as_csv(["Plan's slug", "Code", "Frequency"], ["18", "3.2.1", "Monthly"]))
    assert refusals(page) == [(2, "", "This record is not yours to change.")]


def test_areas_and_figures_come_back_too(office, everything):
    taken(office, "area", as_csv(["Plan's slug", "Number", "Short name"], ["18", "3", "维权"]))
    assert Area.objects.get(number=3).short == "维权"
    head = ["Plan's slug", "Slug", "Target", "Unit", "Over time"]
    taken(office, "figure", as_csv(head, ["18", "sites", "1,200.5", "处", "Flow: periods add up"]))
    figure = Figure.objects.get(slug="sites")
    assert (str(figure.target.normalize()), figure.unit, figure.over_time) == ("1200.5", "处", "flow")
    page = choose(office, "figure", as_csv(head, ["18", "sites", "many", "处", "Flow: periods add up"]))
    assert refusals(page)[0][:2] == (2, "Target")


# Who.


@pytest.mark.parametrize("who", ["reporter", "leader", "reviewer", "supervisor", "auditor"])
@pytest.mark.parametrize("model", ["organization", "user", "assignment", "holiday"])
def test_administrators_alone_import(sign_in, bodies, who, model):
    client = sign_in(who)
    assert client.get(url(model, "import")).status_code == 403
    assert client.post(url(model, "import")).status_code == 403
    assert client.post(url(model, "process_import")).status_code == 403


def test_the_plan_and_the_calendar_are_the_roots(client, bodies):
    client.force_login(person("local", bodies.city, Role.ADMINISTRATOR))
    for model in ("task", "area", "figure", "holiday"):
        assert client.get(url(model, "import")).status_code == 403
        assert "/import/" not in client.get(url(model, "changelist")).content.decode()
    assert client.get(url("organization", "import")).status_code == 200


def test_passwords_are_neither_in_the_file_nor_taken_from_one(office, cast):
    before = User.objects.get(username="reporter").password
    page = choose(office, "user", as_csv(["User name", "password", "Office telephone"], ["reporter", "x", "1"]))
    assert page.context["strange"] == ["password"]
    assert take(office, "user", page).status_code == 302
    person_ = User.objects.get(username="reporter")
    assert (person_.password, person_.telephone) == (before, "1")
    assert Operation.objects.filter(action="account").first().detail["did"] == "imported"


def test_more_rows_cost_no_more_queries_to_look_over(office, bodies, django_assert_max_num_queries):
    sent = content(export(office, "organization"))
    with django_assert_max_num_queries(25):
        assert choose(office, "organization", sent).status_code == 200
    assert pages.SHOWN < files.MOST_ROWS
