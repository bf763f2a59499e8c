"""Bodies and tasks are found by words, by code and by sound: full pinyin, initials, either reading of a name."""

import csv
import time
from pathlib import Path

import pytest
from django.core.management import call_command
from simple_history.utils import bulk_update_with_history

from tests.conftest import place
from tracker.models import Organization, Task
from tracker.models.pinyin import SYLLABLES, cuts, letters, patterns, spelled


@pytest.fixture(scope="module")
def real():
    """How the 3,350 real names are spelled, by code."""
    with (Path(__file__).parents[2] / "fixtures" / "organizations.csv").open(encoding="utf-8", newline="") as file:
        return {row["code"]: spelled([row["name"], row["short_name"]]) for row in csv.DictReader(file)}


def found(*words):
    return [body.name for body in Organization.objects.search(" ".join(words)).best_first(" ".join(words))]


@pytest.fixture
def towns(db):
    """Four 鼓楼区 under four cities, and neighbours whose names sound or look alike."""
    nation = place("000000", "中华全国总工会", "national", short_name="全总")
    yunnan = place("530000", "云南省总工会", "province", nation, short_name="云南省")
    place("530100", "昆明市总工会", "city", yunnan, short_name="昆明市")
    place("500000", "重庆市总工会", "province", nation, short_name="重庆市")
    place("532531", "绿春县总工会", "county", yunnan, short_name="绿春县")
    place("530322", "陆良县总工会", "county", yunnan, short_name="陆良县")
    place("141100", "吕梁市总工会", "city", nation, short_name="吕梁市")
    place("610100", "西安市总工会", "city", nation, short_name="西安市")
    place("230800", "先锋区总工会", "county", nation, short_name="先锋区")
    for code in ("350102", "320302", "320106", "410204"):
        city = place(code[:4] + "00", f"第{code[:4]}市总工会", "city", nation)
        place(code, "鼓楼区总工会", "county", city, short_name="鼓楼区")
    return nation


@pytest.mark.parametrize(
    "typed",
    [
        *("昆明", "明市", "昆明市总工会", "昆 明", "km 昆明", "530100", "5301"),
        *("kunming", "KunMing", "kunmingshi", "mingshi", "ku", "kunm", "kūnmíng", "ｋｕｎｍｉｎｇ"),
        *("kun ming", "kun\u3000ming", "kmszgh", "km", "KMS"),
    ],
)
def test_a_city_is_found_by_any_of_these(towns, typed):
    assert "昆明市总工会" in found(typed)


@pytest.mark.parametrize("typed", ["kunmin g x", "unming", "nming", "ngshi", "昆 鼓楼", "kmzs", "kumming", "明昆"])
def test_and_by_none_of_these(towns, typed):
    assert "昆明市总工会" not in found(typed)


def test_a_syllable_is_found_whole_and_not_inside_another(towns):
    assert found("an") == ["西安市总工会"]  # not 云南, whose nan ends so
    assert found("hu") == []  # neither 华 nor 会: only at the beginning of a name may a syllable be unfinished
    assert found("xian") == ["先锋区总工会", "西安市总工会", "陆良县总工会", "绿春县总工会"]  # as 先, 西安 and 县
    assert found("xi'an") == ["西安市总工会"]


def test_a_name_with_two_readings_is_found_by_both(towns):
    assert found("chongqing") == found("zhongqing") == found("cqs") == found("zqs") == ["重庆市总工会"]


def test_an_umlaut_is_typed_as_v_or_u_or_itself(towns):
    assert found("lvchun") == found("luchun") == found("lüchun") == found("LÜCHUN") == ["绿春县总工会"]
    assert found("lvliang") == ["吕梁市总工会"]
    assert found("luliang") == ["吕梁市总工会", "陆良县总工会"]


def test_the_code_comes_first_then_the_name_then_what_begins_so_then_by_code(towns):
    assert found("530000") == ["云南省总工会"]
    assert [b.code for b in Organization.objects.search("鼓楼").best_first("鼓楼")] == sorted(
        ["350102", "320302", "320106", "410204"]
    )
    place("999999", "昆明市", "county", towns)
    assert found("昆明市") == ["昆明市总工会", "昆明市"]  # the first has it as its short name: both are exact
    place("100000", "驻昆明办事处工会", "county", towns)
    assert found("昆明") == found("kunming") == ["昆明市总工会", "昆明市", "驻昆明办事处工会"]


def test_the_closed_come_last_and_are_not_chosen(towns):
    Organization.objects.filter(code="320106").update(closed_on="2026-01-01")
    rows = Organization.objects.search("gulou").best_first("gulou")
    assert [body.code for body in rows] == ["320302", "350102", "410204", "320106"]
    assert [body.code for body in rows.open()] == ["320302", "350102", "410204"]
    assert [body.code for body in Organization.objects.meant_by("鼓楼区", 9)] == ["320302", "350102", "410204"]
    assert [body.code for body in Organization.objects.meant_by("320106", 9)] == ["320106"]


# The real names.

TRAPS = """
500000 chongqing zhongqing | 430100 changsha | 341500 luan liuan | 340300 bengbu bangbu | 350200 xiamen shamen
371722 shanxian danxian | 331000 taizhou | 331100 lishui | 330382 yueqing leqing | 511100 leshan | 130225 laoting
361124 yanshan qianshan | 440113 panyu | 410621 xunxian junxian | 141024 hongtong hongdong | 410223 weishi
371522 shenxian | 341021 shexian | 340722 zongyang | 341600 bozhou | 211300 chaoyang | 140428 zhangzi
410783 changyuan | 140400 changzhi | 140924 fanshi fanzhi | 370881 qufu | 371524 donge | 130726 yuxian
131025 daicheng dacheng | 341621 guoyang woyang | 411726 biyang | 410425 jiaxian | 320830 xuyi
441900 dongguan | 510682 shifang | 420116 huangpi | 222404 hunchun | 231085 muling | 632723 chenduo chengduo
621223 tanchang dangchang | 620700 zhangye | 411100 luohe | 522701 duyun | 510100 chengdu | 653127 maigaiti
370100 jinan | 321300 suqian | 441422 dabu | 511527 junlian yunlian | 640303 hongsipu
310112 minhang | 320116 luhe liuhe | 610829 wubu wubao | 654000 yili | 653125 shache | 371481 laoling leling
"""


@pytest.mark.parametrize("trap", TRAPS.strip().replace("\n", "|").split("|"))
def test_place_names_are_found_as_they_are_read_and_as_they_look(real, trap):
    code, *readings = trap.split()
    for reading in readings:
        assert any(pattern in real[code] for pattern in patterns(reading)), (code, reading, real[code])


def test_two_letters_of_initials_do_not_find_half_of_the_country(real):
    for typed, most in (("km", 40), ("kmszgh", 2), ("kunming", 10), ("sh", 350), ("an", 140)):
        hits = [code for code, text in real.items() if any(pattern in text for pattern in patterns(typed))]
        assert 0 < len(hits) <= most, (typed, len(hits))


def test_every_syllable_of_the_dictionary_is_known():
    from pypinyin import Style, pinyin

    read = {
        syllable
        for character in map(chr, range(0x4E00, 0x9FA6))
        for syllable in pinyin(character, style=Style.NORMAL, heteronym=True)[0]
        if syllable.isascii() and syllable.isalpha()
    }
    assert read - SYLLABLES == {"m", "n", "hm", "ng", "hng"}  # sighs, in nobody's name
    assert len(read) > 400


def test_what_was_typed_is_cut_in_every_way_and_a_long_word_takes_no_time():
    assert {" ".join(cut) for cut in cuts("xian")} == {"xian", "xia n", "xi an", "xi a n"}
    assert list(cuts("km")) == list(cuts("")) == []
    assert letters("中") == letters("a" * 61) == letters("a.b") == ""
    started = time.perf_counter()
    for typed in ("xian" * 15, "xian" * 14 + "xv", "a" * 60, "fangan" * 10, "1" * 60):
        assert len(patterns(typed)) < 12
    assert time.perf_counter() - started < 0.1


# Tasks.


def test_tasks_are_found_by_words_sound_and_code(db):
    call_command("loaddata", "fixtures/report_18.json", verbosity=0)
    wanted = list(Task.objects.filter(wording__contains="困难职工").order_by("position").values_list("code", flat=True))
    assert 0 < len(wanted) < 20
    for typed in ("困难职工", "kunnanzhigong", "knzg", "KunNan zhigong", "kunnanzhig"):
        assert [task.code for task in Task.objects.search(typed).best_first(typed)] == wanted, typed
    assert [task.code for task in Task.objects.search("3.2.3")] == ["3.2.3"]
    assert not Task.objects.filter(pinyin="").exists()
    assert not Task.objects.search("nanzhi").exclude(wording__contains="困难职工").exists()
    assert not Task.objects.search("kn").exists()  # two initials stand somewhere in nearly every wording


def test_of_the_tasks_the_live_ones_and_those_that_begin_so_come_first(tasks):
    Task.objects.filter(code="3.2.1").update(wording="继续推进服务")
    Task.objects.filter(code="3.2.2").update(wording="服务推进", ended_on="2026-01-01")
    Task.objects.filter(code="3.2.3").update(wording="推进服务")
    assert [t.code for t in Task.objects.search("tuijin").best_first("tuijin")] == ["3.2.1", "3.2.3", "3.2.2"]
    assert [t.code for t in Task.objects.search("推进").best_first("推进")] == ["3.2.3", "3.2.1", "3.2.2"]
    assert [t.code for t in Task.objects.search("fw").best_first("fw")] == []
    assert [t.code for t in Task.objects.search("tjfw").best_first("tjfw")] == ["3.2.1", "3.2.3"]


# The spelling follows the name, whoever writes it.


def spelling_of(code):
    return Organization.objects.get(code=code).pinyin


RENAMINGS = {
    "saved": lambda body: body.save(),
    "saved in part": lambda body: body.save(update_fields=["name"]),
    "updated": lambda body: Organization.objects.filter(name="示例一市总工会").update(name="昆明市总工会"),
    "updated in bulk": lambda body: Organization.objects.bulk_update([body], ["name"]),
    "updated in bulk with history": lambda body: bulk_update_with_history([body], Organization, ["name"]),
    "made or updated": lambda body: Organization.objects.update_or_create(code="11", defaults={"name": "昆明市总工会"}),
}


@pytest.mark.parametrize("way", RENAMINGS)
def test_a_new_name_is_spelled_anew(bodies, way):
    bodies.city.name = "昆明市总工会"
    RENAMINGS[way](bodies.city)
    assert "| kun ming shi " in spelling_of("11")
    assert found("kunming") == ["昆明市总工会"]
    assert found("shiliyishi") == []


def test_many_are_renamed_at_the_cost_of_one(bodies, django_assert_num_queries):
    rows = list(Organization.objects.all())
    for number, body in enumerate(rows):
        body.name = f"昆明{number}"
    with django_assert_num_queries(3):  # the update between the ends of its transaction
        Organization.objects.bulk_update(rows, ["name"])
    assert Organization.objects.search("kunming").count() == len(rows) == 8


def test_bodies_made_in_bulk_are_spelled(bodies):
    Organization.objects.bulk_create([Organization(code="9", name="昆明", level="city", parent=bodies.city, path="1")])
    assert "| kun ming |" in spelling_of("9")


def test_a_part_that_is_no_name_leaves_the_spelling_alone(bodies):
    Organization.objects.filter(code="11").update(pinyin="|x|")
    body = Organization.objects.get(code="11")
    body.telephone = "1"
    body.save(update_fields=["telephone"])
    Organization.objects.filter(code="11").update(telephone="2")
    Organization.objects.bulk_update([body], ["telephone"])
    assert spelling_of("11") == "|x|"


def test_the_history_keeps_no_spelling(bodies):
    assert not hasattr(bodies.city.history.first(), "pinyin")
