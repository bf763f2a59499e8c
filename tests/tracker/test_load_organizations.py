"""Organizations come from a file whole or not at all, with the paths they would have got one by one."""

import csv
import random
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from tracker.models import Organization
from tracker.models.loading import COLUMNS

pytestmark = pytest.mark.usefixtures("in_english")

REAL = Path(__file__).resolve().parents[2] / "fixtures" / "organizations.csv"
HEADER = ",".join(COLUMNS)
SMALL = [
    "0,示例总工会,全总,national,territorial,,",
    "1,示例一省总工会,示例一省,province,territorial,0,",
    "2,示例二省总工会,示例二省,province,territorial,0,",
    "U,示例教育工会,教育,province,industrial,0,",
    "11,示例一市总工会,示例一市,city,territorial,1,",
    "1U,示例一省教育工会,,city,industrial,1,U",
    "111,示例一市甲县总工会,甲县,county,territorial,11,",
    "112,示例一市乙县总工会,乙县,county,territorial,11,",
    "11U,示例一市教育工会,,county,industrial,11,1U",
    "UU,示例教育工会直属单位,,city,territorial,U,",
    "1P,示例一省能源工会,,city,industrial,1,",
    "1PP,示例一市能源工会,,county,territorial,11,1P",
]


@pytest.fixture
def load(db, tmp_path):
    def load(*lines, header=HEADER, content=None):
        path = tmp_path / "organizations.csv"
        path.write_bytes(("\n".join([header, *lines]) + "\n").encode() if content is None else content)
        call_command("load_organizations", path, verbosity=0)

    return load


def placed():
    """Everything that `place()` decides, by code."""
    rows = Organization.objects.order_by("code").values_list(
        "code",
        "path",
        "industry_path",
        "last_child",
        "tier__code",
        "industry_tier__code",
        "parent__code",
        "industry__code",
        "name",
        "short_name",
        "level",
        "line",
    )
    return {row[0]: row[1:] for row in rows}


def place_one_by_one(rows):
    for row in rows:
        code, name, short, level, line, parent, industry = row
        above = Organization.objects.filter(code=parent).first() if parent else None
        beside = Organization.objects.filter(code=industry).first() if industry else None
        Organization(
            code=code, name=name, short_name=short, level=level, line=line, parent=above, industry=beside
        ).place()


def as_placed_one_by_one(rows):
    """What `place()` makes of the rows; nothing of it stays."""
    with transaction.atomic():
        place_one_by_one(rows)
        result = placed()
        transaction.set_rollback(True)
    return result


def parents_first(rows):
    rows, done = {row[0]: row for row in rows}, {}

    def take(row):
        for code in row[5:]:
            if code and code not in done:
                take(rows[code])
        done.setdefault(row[0], row)

    for row in rows.values():
        take(row)
    return list(done.values())


def refused(load, *lines, **how):
    before = placed()
    with pytest.raises(CommandError) as error:
        load(*lines, **how)
    assert placed() == before
    *messages, last = str(error.value).split("\n")
    assert last == "Nothing was loaded."
    return messages


def test_the_real_federation_loads_whole_and_a_second_time_changes_nothing(db, capsys):
    call_command("load_organizations", REAL)
    assert "3350 made, 0 changed, 0 as they were" in capsys.readouterr().out
    assert Organization.objects.count() == 3350
    assert Organization.history.count() == 3350
    assert Organization.objects.filter(name="鼓楼区总工会").count() == 4
    before = placed()
    call_command("load_organizations", REAL)
    assert "0 made, 0 changed, 3350 as they were" in capsys.readouterr().out
    assert placed() == before
    assert Organization.history.count() == 3350


def test_paths_are_those_that_placing_one_by_one_gives(load):
    expected = as_placed_one_by_one(csv.reader(SMALL))
    load(*SMALL)
    loaded = placed()
    assert loaded == expected
    assert loaded["1PP"][:2] == ("0001000100010004", "0001000100030001")
    assert loaded["11U"][3:5] == ("11", "1U")


def test_a_file_that_adds_to_standing_bodies_goes_on_with_their_counters(load):
    expected = as_placed_one_by_one(csv.reader(SMALL))
    place_one_by_one(csv.reader(SMALL[:5]))
    load(*SMALL)
    assert placed() == expected
    late = Organization(
        code="113", name="示例一市丙县总工会", level="county", parent=Organization.objects.get(code="11")
    )
    late.place()  # raises if the counter had been left behind


@pytest.mark.parametrize("seed", range(5))
def test_rows_may_come_in_any_order(load, seed):
    shuffled = SMALL[:]
    random.Random(seed).shuffle(shuffled)
    expected = as_placed_one_by_one(parents_first(csv.reader(shuffled)))
    load(*shuffled)
    assert placed() == expected


def test_names_and_levels_follow_the_file_with_history(load):
    load(*SMALL)
    load("111,示例一市甲区总工会,甲区,county,territorial,11,", "112,示例一市乙县总工会,乙县,city,territorial,11,")
    county = Organization.objects.get(code="111")
    assert (county.name, county.short_name) == ("示例一市甲区总工会", "甲区")
    assert [row.name for row in county.history.all()] == ["示例一市甲区总工会", "示例一市甲县总工会"]
    assert Organization.objects.get(code="112").level == "city"
    assert Organization.objects.get(code="1").history.count() == 1


def test_loading_moves_nobody(load):
    load(*SMALL)
    messages = refused(
        load,
        "111,示例一市甲县总工会,甲县,county,territorial,2,",
        "1U,示例一省教育工会,,city,industrial,1,",
        "112,改名,乙县,county,industrial,11,",
    )
    assert [message.split(":")[0] for message in messages] == [
        "Line 2, column parent_code",
        "Line 3, column industry_parent_code",
        "Line 4, column line",
    ]
    assert all("moves nobody" in message for message in messages)


def test_every_bad_row_is_named_by_line_and_column_and_nothing_is_loaded(load):
    messages = refused(
        load,
        *SMALL[:5],
        "21,示例三市总工会,,metropolis,territorial,2,",  # 7
        "22,示例四市总工会,,city,sideways,2,",  # 8
        "23,,,city,territorial,2,",  # 9
        ",示例五市总工会,,city,territorial,2,",  # 10
        "24,示例六市总工会,,city,territorial,9,",  # 11
        "25,示例七市总工会,,city,territorial,2,8",  # 12
        "11,示例八市总工会,,city,territorial,2,",  # 13
        f"26,{'长' * 121},,city,territorial,2,",  # 14
        f"{'7' * 33},示例九市总工会,,city,territorial,2,",  # 15
        "27,示例\x00市总工会,,city,territorial,2,",  # 16
        "28,示例十市总工会,,city,territorial",  # 17
        "29,示例十市总工会,,city,territorial,2,,,",  # 18
        f"30,示例十市总工会,{'短' * 61},city,territorial,2,",  # 19
        "31,示例十一市总工会,,city,territorial,,",  # 20
        "32,示例十二市总工会,,city,industrial,,U",  # 21
    )
    named = [message.split(":")[0] for message in messages]
    assert named == [
        "Line 7, column level",
        "Line 8, column line",
        "Line 9, column name",
        "Line 10, column code",
        "Line 11, column parent_code",
        "Line 12, column industry_parent_code",
        "Line 13, column code",
        "Line 14, column name",
        "Line 15, column code",
        "Line 16, column name",
        "Line 17 has 5 columns; there should be 7.",
        "Line 18 has 9 columns; there should be 7.",
        "Line 19, column short_name",
        "Line 20, column parent_code",
        "Line 21, column parent_code",
    ]
    assert "metropolis" in messages[0]
    assert "line 6" in messages[6]


def test_a_ring_of_parents_is_refused(load):
    messages = refused(
        load,
        SMALL[0],
        "1,示例一省总工会,,province,territorial,12,",
        "12,示例一市总工会,,city,territorial,123,",
        "123,示例一市甲县总工会,,county,territorial,1,",
        "5,示例五省总工会,,province,territorial,5,",
        "6,示例六省总工会,,province,territorial,0,",
    )
    assert [message.split(",")[0] for message in messages] == ["Line 3", "Line 4", "Line 5", "Line 6"]
    assert "stands below itself" in messages[0]


def test_a_ring_through_the_other_line_is_refused(load):
    messages = refused(
        load, SMALL[0], "U,示例教育工会,,province,industrial,0,V", "V,示例能源工会,,province,industrial,0,U"
    )
    assert len(messages) == 2


def test_a_tree_deeper_than_a_path_is_refused(load):
    chain = [
        "0,示例总工会,,national,territorial,,",
        *(f"{n},第{n}层,,grassroots,territorial,{n - 1}," for n in range(1, 18)),
    ]
    messages = refused(load, *chain)
    assert [message.split(":")[0] for message in messages] == [
        "Line 18, column parent_code",
        "Line 19, column parent_code",
    ]
    load(*chain[:16])
    assert Organization.objects.order_by("-path").first().depth == 16


def test_the_industrial_parent_belongs_to_the_industrial_line(load):
    [message] = refused(load, *SMALL[:3], "1U,示例一省教育工会,,city,industrial,1,2")
    assert message.startswith("Line 5, column industry_parent_code")


def test_there_is_one_root(load):
    load(*SMALL[:3])
    [message] = refused(load, "X,另一个总工会,,national,territorial,,")
    assert "there is one" in message


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_any_spreadsheet_program_may_have_written_it(load, encoding, end):
    lines = [HEADER, *SMALL, "", ",,,,,,", '12,"示例二市，""新""总工会",,city,territorial,1,']
    load(content=(end.join(lines) + end).encode(encoding))
    assert Organization.objects.count() == 13
    assert Organization.objects.get(code="12").name == '示例二市，"新"总工会'


def test_columns_may_stand_in_another_order_but_none_may_be_missing(load):
    load(
        "national,0,示例总工会,,territorial,,",
        header="level,code,name,short_name,line,parent_code,industry_parent_code",
    )
    assert Organization.objects.get().level == "national"
    for lines, header in [(SMALL, SMALL[0]), ([], "code,name"), ([], "")]:
        [message] = refused(load, *lines, header=header)
        assert message.startswith("The first line must name these columns: code, name")


def test_what_is_no_csv_is_refused(load, tmp_path):
    header = HEADER.encode() + b"\n"
    [message] = refused(load, content=header + b'0,"never closed,,national,territorial,,\n')
    assert message.startswith("Line 2 cannot be read as CSV")
    [message] = refused(load, content=header + b"0,\xff\xff\xff,,national,territorial,,\n")
    assert message.startswith("The file is neither UTF-8 nor GB18030")
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("load_organizations", tmp_path / "absent.csv")


def test_a_line_number_is_the_line_in_the_file_even_after_a_quoted_line_break(load):
    [message] = refused(
        load, SMALL[0], '1,"两行\n名称",,province,territorial,0,', "2,示例二省总工会,,nowhere,territorial,0,"
    )
    assert message.startswith("Line 5, column level")


def test_the_cost_is_statements_by_the_thousand_rows_not_by_the_row(db):
    with CaptureQueriesContext(connection) as queries:
        call_command("load_organizations", REAL, verbosity=0)
    assert len(queries) < 160
