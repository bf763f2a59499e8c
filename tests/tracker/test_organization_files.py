"""Files of organizations with the columns beside the seven, and everything that may be wrong with one."""

import datetime as dt

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.conftest import person
from tracker.models import Organization, Role
from tracker.models.credit_codes import check_character
from tracker.models.loading import load_organizations, look_over
from tracker.models.organization_files import header_names, read

pytestmark = pytest.mark.usefixtures("in_english")

SEVEN = "code,name,short_name,level,line,parent_code,industry_parent_code"
ALL = SEVEN + ",kind,credit_code,founded_on,contact,telephone"
CHINESE = "组织代码,组织名称,简称,层级,条线,上级代码,产业上级代码,类型,统一社会信用代码,成立日期,联系人,联系电话"


def credit(number):
    body = f"81110000MC{number:07}"
    return body + check_character(body)


def load(*lines, by=None, encoding="utf-8"):
    return load_organizations(read("\n".join(lines).encode(encoding)), by=by)


def refused(*lines, by=None, content=None):
    before = list(Organization.objects.order_by("pk").values())
    with pytest.raises(ValidationError) as error:
        load_organizations(read("\n".join(lines).encode() if content is None else content), by=by)
    assert list(Organization.objects.order_by("pk").values()) == before
    return error.value.messages


GRASSROOTS = f"g1,某公司工会,,grassroots,territorial,111,,private,{credit(1)},2020-01-31,李主任,0000-1234"


def test_a_grassroots_union_is_loaded_with_all_that_is_known_of_it(bodies):
    assert load(ALL, GRASSROOTS).made == 1
    body = Organization.objects.get(code="g1")
    assert (body.kind, body.credit_code, body.founded_on, body.contact, body.telephone) == (
        "private",
        credit(1),
        dt.date(2020, 1, 31),
        "李主任",
        "0000-1234",
    )
    assert body.history.first().credit_code == credit(1)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gbk", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_headers_and_choices_may_be_chinese(bodies, encoding, end):
    line = f"g1,某公司工会,,基层,地方,111,,平台企业,{credit(1).lower()},2020年1月31日,李主任,0000-1234"
    load_organizations(read(end.join([CHINESE, line, ""]).encode(encoding)))
    body = Organization.objects.get(code="g1")
    assert (body.level, body.line, body.kind, body.founded_on) == (
        "grassroots",
        "territorial",
        "platform",
        dt.date(2020, 1, 31),
    )
    assert body.credit_code == credit(1)


def test_every_header_means_one_column():
    assert len(set(header_names().values())) == 12
    assert header_names()["creditcode"] == "credit_code"


@pytest.mark.parametrize("day", ["2020/1/31", "2020.01.31", "2020-1-31", "2020年1月31日"])
def test_a_day_may_be_written_as_a_spreadsheet_does(bodies, day):
    load(ALL, GRASSROOTS.replace("2020-01-31", day))
    assert Organization.objects.get(code="g1").founded_on == dt.date(2020, 1, 31)


def test_an_empty_cell_leaves_what_stands_and_a_full_one_replaces_it(bodies):
    load(ALL, GRASSROOTS)
    loaded = load(SEVEN + ",contact,telephone", "g1,某公司工会,,grassroots,territorial,111,,赵主任,")
    assert (loaded.made, loaded.changed) == (0, 1)
    body = Organization.objects.get(code="g1")
    assert (body.contact, body.telephone, body.kind) == ("赵主任", "0000-1234", "private")
    assert load(SEVEN, "g1,某公司工会,,grassroots,territorial,111,").unchanged == 1


def test_wrong_cells_are_named_by_line_and_column(bodies):
    messages = refused(
        ALL,
        f"g1,某工会,,grassroots,territorial,111,,private,{credit(1)[:-1]}{'0' if credit(1)[-1] != '0' else '1'},,,",
        "g2,某工会,,grassroots,territorial,111,,company,,,,",
        "g3,某工会,,grassroots,territorial,111,,,,2020-02-30,,",
        f"g4,某工会,,grassroots,territorial,111,,,{credit(4)},,,",
        f"g5,某工会,,grassroots,territorial,111,,,{credit(4)},,,",
        f"g6,某工会,,grassroots,territorial,111,,,,,{'长' * 61},",
        "g7,某工会,,grassroots,territorial,nowhere,,,,,,",
        "g8,某工会,,grassroots,territorial,g8,,,,,,",
        "g4,某工会,,grassroots,territorial,111,,,,,,",
    )
    assert [message.split(":")[0] for message in messages] == [
        "Line 2, column credit_code",
        "Line 3, column kind",
        "Line 4, column founded_on",
        "Line 6, column credit_code",
        "Line 7, column contact",
        "Line 8, column parent_code",
        "Line 10, column code",
    ]
    assert "does not fit" in messages[0]
    assert "g4" in messages[3]


def test_columns_are_named_as_the_file_names_them(bodies):
    [message] = refused(CHINESE, "g1,某工会,,基层,地方,nowhere,,,,,,")
    assert message.startswith("Line 2, column 上级代码")


def test_a_ring_is_named(bodies):
    messages = refused(SEVEN, "a,某,,county,territorial,b,", "b,某,,county,territorial,a,")
    assert [message.split(":")[0] for message in messages] == [
        "Line 2, column parent_code",
        "Line 3, column parent_code",
    ]


@pytest.mark.parametrize("column", range(12))
def test_a_cell_of_ten_megabytes_is_named_not_repeated(bodies, column):
    cells = GRASSROOTS.split(",")
    cells[column] = "长" * (10 * 2**20 // 3)
    messages = refused(ALL, ",".join(cells))
    assert messages[0].startswith(f"Line 2, column {ALL.split(',')[column]}: This cell has 3495253 characters")
    assert sum(map(len, messages)) < 1_000


def test_a_header_that_is_not_known_is_named(bodies):
    [message] = refused(SEVEN + ",colour", "g1,某,,county,territorial,11,,red")
    assert "“colour”" in message
    [message] = refused(SEVEN + ",code", "g1,某,,county,territorial,11,,g1")
    assert "twice" in message


def test_a_credit_code_belongs_to_one_body(bodies):
    load(ALL, GRASSROOTS)
    [message] = refused(ALL, GRASSROOTS.replace("g1", "g2"))
    assert message.startswith("Line 2, column credit_code")
    assert "g1" in message


def test_nobody_is_loaded_under_a_closed_body(bodies):
    Organization.objects.filter(pk=bodies.county.pk).update(closed_on=dt.date(2026, 1, 1))
    [message] = refused(ALL, GRASSROOTS)
    assert message.startswith("Line 2, column parent_code")
    assert "was closed on" in message


def test_an_administrator_loads_within_their_scope(bodies):
    here = person("here", bodies.city, Role.ADMINISTRATOR)
    assert load(ALL, GRASSROOTS, by=here).made == 1
    assert Organization.history.filter(code="g1").first().history_user == here
    [message] = refused(SEVEN, "x,某,,county,territorial,2,", by=here)
    assert "no organization with the code 2 among those you administer" in message
    [message] = refused(SEVEN, "2,改名,,province,territorial,0,", by=here)
    assert "outside" in message
    as_it_stands = f"2,{bodies.other.name},,province,territorial,0,"
    assert load(SEVEN, as_it_stands, by=here).unchanged == 1


def test_looking_over_writes_nothing(bodies):
    with CaptureQueriesContext(connection) as queries:
        loading = look_over(read(f"{ALL}\n{GRASSROOTS}".encode()), by=None)
    assert list(loading.new) == ["g1"]
    assert not [query for query in queries if query["sql"].startswith(("INSERT", "UPDATE", "DELETE"))]


def test_the_cost_is_statements_by_the_thousand_rows(bodies):
    def asked(count, telephone):
        lines = [f"g{n},第{n}工会,,grassroots,territorial,111,,{telephone}" for n in range(count)]
        with CaptureQueriesContext(connection) as queries:
            load(SEVEN + ",telephone", *lines)
        return len(queries)

    made, changed = asked(2_000, "1"), asked(2_000, "2")
    assert made < 150
    assert changed < 150
