"""The cast: a nation, two provinces, a city, two counties and an industrial union, and the people who act in them."""

import datetime as dt
from types import SimpleNamespace

import pytest
from django.utils import timezone

from tracker.models import (
    Area,
    Assignment,
    Entry,
    Figure,
    Heading,
    Membership,
    Notice,
    Organization,
    Period,
    Plan,
    Role,
    Task,
    User,
)

TODAY = dt.date(2026, 11, 22)


@pytest.fixture(autouse=True)
def _settled(settings):
    """Tests look at what the product does, not at how slowly it hashes or redirects."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.SECURE_SSL_REDIRECT = False
    settings.ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
    settings.STORAGES = settings.STORAGES | {
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
    }


def place(code, name, level, parent=None, **values):
    body = Organization(code=code, name=name, level=level, parent=parent, **values)
    body.place()
    return body


@pytest.fixture
def bodies(db):
    """nation > province > city > county, sister; nation > other province; nation > union, which has the school too."""
    nation = place("0", "示例总工会", "national")
    province = place("1", "示例一省总工会", "province", nation)
    other = place("2", "示例二省总工会", "province", nation)
    union = place("U", "示例教育工会", "province", nation, line="industrial")
    city = place("11", "示例一市总工会", "city", province)
    county = place("111", "甲县总工会", "county", city, contact="王办公", telephone="0000-0001")
    sister = place("112", "乙县总工会", "county", city)
    school = place("113", "示例一省教育工会", "city", province, industry=union, line="industrial")
    return SimpleNamespace(
        nation=nation,
        province=province,
        other=other,
        union=union,
        city=city,
        county=county,
        sister=sister,
        school=school,
    )


def person(username, organization, role, **values):
    user = User.objects.create_user(username, password="a-long-password", name=values.pop("name", username), **values)
    Membership.objects.create(person=user, organization=organization, role=role)
    return user


@pytest.fixture
def cast(bodies):
    """One person a role: the reporter in the county, the reviewer in its city, the supervisor in its province."""
    return SimpleNamespace(
        reporter=person("reporter", bodies.county, Role.REPORTER, name="填报人甲"),
        leader=person("leader", bodies.county, Role.LEADER, name="领导甲"),
        reviewer=person("reviewer", bodies.city, Role.REVIEWER, name="审核人甲"),
        supervisor=person("supervisor", bodies.province, Role.SUPERVISOR, name="督办人甲"),
        administrator=person("administrator", bodies.nation, Role.ADMINISTRATOR, name="管理员甲"),
        auditor=person("auditor", bodies.nation, Role.AUDITOR, name="审计员甲"),
        outsider=person("outsider", bodies.other, Role.REPORTER, name="外省人"),
    )


@pytest.fixture
def plan(db):
    return Plan.objects.create(
        slug="18", title="中国工会十八大报告", start=dt.date(2023, 10, 1), due=dt.date(2028, 10, 31)
    )


@pytest.fixture
def tasks(plan):
    """3.2.1 is plain, 3.2.2 a standing duty, 3.2.3 asks percent (its figure has a target), 3.2.4 takes status only."""
    area = Area.objects.create(plan=plan, number=3, title="用心用情做好维权服务工作", short="维权服务")
    heading = Heading.objects.create(area=area, number=2, code="3.2", title="大力开展服务帮扶")
    made = []
    for number, wording in enumerate(["一号举措", "二号举措", "三号举措", "四号举措"], start=1):
        made.append(
            Task.objects.create(
                plan=plan,
                heading=heading,
                code=f"3.2.{number}",
                position=30200 + number,
                wording=wording,
                start=None if number == 2 else plan.start,
                due=None if number == 2 else plan.due,
                standing=number == 2,
                reporting="status_only" if number == 4 else "full",
            )
        )
    figure = Figure.objects.create(
        plan=plan, slug="sites", position=1, name="示范点", unit="个", target=1000, over_time="stock"
    )
    figure.tasks.add(made[2])
    return made


@pytest.fixture
def period(plan):
    """A quarter open now, whatever the day the tests run on."""
    today = timezone.localdate()
    return Period.objects.create(
        plan=plan,
        code="2026Q4",
        opens=today - dt.timedelta(20),
        due=today + dt.timedelta(10),
        locks=today + dt.timedelta(18),
    )


@pytest.fixture
def owed(bodies, tasks, period, cast):
    """The county owes all four tasks, its sister 3.2.1; returns the county's entries by code."""
    Assignment.objects.assign(tasks, [bodies.county], by=cast.administrator)
    Assignment.objects.assign(tasks[:1], [bodies.sister], by=cast.administrator)
    Notice.objects.all().delete()  # that it was handed down
    period.open()
    entries = Entry.objects.for_transition().filter(assignment__organization=bodies.county)
    return {entry.assignment.task.code: entry for entry in entries}


@pytest.fixture
def content():
    return {"status": "in_progress", "progress": "新建站点四个。", "problems": "", "next_steps": "继续推进。"}


@pytest.fixture
def sign_in(client, cast):
    """`sign_in("reporter")` is the test client as that person."""

    def as_(name):
        client.force_login(getattr(cast, name), backend="django.contrib.auth.backends.ModelBackend")
        return client

    return as_
