"""The phrases a reviewer keeps: one's own, so many, each once."""

import pytest
from django.core.exceptions import ValidationError

from tracker.models import Phrase

PATH = "/review/phrases/"
JSON = {"accept": "application/json"}


def texts(user):
    return list(Phrase.objects.visible_to(user).values_list("text", flat=True))


def test_a_phrase_is_kept_once_and_deleted(sign_in, cast):
    client = sign_in("reviewer")
    for _time in range(2):
        assert client.post(PATH, {"text": " 请补充数据。 "}).headers["Location"] == PATH
    assert texts(cast.reviewer) == ["请补充数据。"]
    client.post(PATH, {"forget": cast.reviewer.phrases.get().pk})
    assert texts(cast.reviewer) == []


def test_who_keeps_none_is_shown_a_few(sign_in, cast):
    client = sign_in("reviewer")
    assert client.get(PATH).context["suggested"] == Phrase.suggested()
    assert 3 <= len(Phrase.suggested()) <= 8
    Phrase.keep("请补充数据。", by=cast.reviewer)
    assert client.get(PATH).context["suggested"] == ()


def test_one_more_than_the_most_is_refused_and_what_was_typed_stays(sign_in, cast):
    client = sign_in("reviewer")
    for n in range(Phrase.MOST):
        Phrase.keep(f"常用语 {n}", by=cast.reviewer)
    answer = client.post(PATH, {"text": "再来一条"})
    assert answer.status_code == 422
    assert "再来一条" in answer.text
    assert "请先删除一条" in answer.text
    assert client.post(PATH, {"text": "常用语 3"}).status_code == 302  # it is kept already
    assert len(texts(cast.reviewer)) == Phrase.MOST


@pytest.mark.parametrize("text", ["", "  ", "长" * 201, "一\x00二", "一\ud800"])
def test_what_cannot_be_kept_is_refused_in_a_sentence(sign_in, cast, text):
    with pytest.raises(ValidationError):
        Phrase.keep(text, by=cast.reviewer)
    if "\ud800" not in text:  # no browser can send it
        for headers in ({}, JSON):
            assert sign_in("reviewer").post(PATH, {"text": text}, headers=headers).status_code == 422
    assert not Phrase.objects.exists()


def test_the_script_is_answered_with_all_of_them(sign_in, cast):
    client = sign_in("reviewer")
    answer = client.post(PATH, {"text": "请补充数据。"}, headers=JSON)
    assert answer.json() == {"phrases": ["请补充数据。"]}
    assert client.post(PATH, {"text": ""}, headers=JSON).json()["fault"] == "请先填写常用语。"


def test_another_s_phrase_is_neither_seen_nor_deleted(sign_in, cast):
    theirs = Phrase.keep("领导的常用语", by=cast.leader)
    client = sign_in("reviewer")
    assert "领导的常用语" not in client.get(PATH).text
    for key in (theirs.pk, 0, "x", "\x00", 10**30):
        assert client.post(PATH, {"forget": key}).status_code == 404
    assert texts(cast.leader) == ["领导的常用语"]


@pytest.mark.parametrize("name", ["reporter", "supervisor", "administrator", "auditor"])
def test_only_who_reviews_keeps_any(sign_in, cast, name):
    assert sign_in(name).post(PATH, {"text": "一条"}).status_code == 403
    assert not Phrase.objects.exists()
