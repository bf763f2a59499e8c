"""Chinese is complete: what the code says is in the catalogue, translated, and the compiled catalogue is the same."""

import ast
import re
from pathlib import Path

import polib
import pytest
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parents[1]
CATALOGUE = ROOT / "tracker" / "locale" / "zh_Hans" / "LC_MESSAGES" / "django.po"
CALLS = {"_": 0, "gettext": 0, "gettext_lazy": 0, "ngettext": 0, "ngettext_lazy": 0, "pgettext": 1, "pgettext_lazy": 1}


def sources(pattern):
    return [path for folder in ("tracker", "reports") for path in (ROOT / folder).rglob(pattern)]


def said_in_code():
    for path in sources("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
                at = CALLS[node.func.id]
                if isinstance(node.args[at], ast.Constant):
                    yield path, (node.args[0].value if at else None, node.args[at].value)


def said_in_templates():
    call = re.compile(
        r"\b(gettext|ngettext|pgettext|npgettext|_)\((u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"))(?:,\s*(u?(?:'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\")))?"
    )
    for path in (ROOT / "templates").rglob("*.html"):
        for kind, first, second in call.findall(templatize(path.read_text("utf-8"), origin=str(path))):
            texts = [ast.literal_eval(first.lstrip("u")), ast.literal_eval(second.lstrip("u")) if second else None]
            yield path, tuple(texts) if "pgettext" in kind else (None, texts[0])


@pytest.fixture(scope="module")
def catalogue():
    return {(entry.msgctxt, entry.msgid): entry for entry in polib.pofile(str(CATALOGUE)) if not entry.obsolete}


def test_everything_said_is_in_the_catalogue(catalogue):
    missing = {key for _path, key in [*said_in_code(), *said_in_templates()]} - set(catalogue)
    assert missing == set()


def test_the_collector_finds_what_is_said():
    """Were it blind, the test above could not fail."""
    said = {key for _path, key in [*said_in_code(), *said_in_templates()]}
    assert len(said) > 300
    assert {("verb", "Return"), ("entry", "Draft"), (None, "Give the reason.")} <= said


def test_everything_is_translated_and_nothing_is_a_guess(catalogue):
    assert [entry.msgid for entry in catalogue.values() if not entry.translated() or entry.fuzzy] == []


def test_placeholders_are_the_same_in_both_languages(catalogue):
    holes = re.compile(r"%\(\w+\)[sd]|%[sd]")
    for entry in catalogue.values():
        for said in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            assert sorted(holes.findall(said)) == sorted(holes.findall(entry.msgid_plural or entry.msgid)), entry.msgid


def test_chinese_is_set_as_offices_set_it(catalogue):
    """Full-width punctuation, and a space between Chinese and Latin letters or digits."""
    for entry in catalogue.values():
        for said in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            text = re.sub(r"%\(\w+\)[sd]|%[sd]", "", said)
            assert not re.search(r"[\u4e00-\u9fff][,;:?!()]|[,;:?!(][\u4e00-\u9fff]", text), said
            assert not re.search(r"[\u4e00-\u9fff][A-Za-z0-9]|[A-Za-z0-9][\u4e00-\u9fff]", text), said


def test_the_compiled_catalogue_is_the_source():
    compiled = {
        (e.msgctxt, e.msgid): e.msgstr or e.msgstr_plural for e in polib.mofile(str(CATALOGUE.with_suffix(".mo")))
    }
    source = {(e.msgctxt, e.msgid): e.msgstr or e.msgstr_plural for e in polib.pofile(str(CATALOGUE)) if not e.obsolete}
    assert compiled == source


def test_no_chinese_stands_in_templates_or_code():
    """Words on the screen go through the catalogue; only the invented data of the demo is written in Chinese."""
    plain = re.compile(r"[\u4e00-\u9fff]")
    for path in (ROOT / "templates").rglob("*.html"):
        text = path.read_text("utf-8").replace("中文", "")
        assert not plain.search(text), path
    for path in sources("*.py"):
        if (
            "demo" in path.parts
            or "migrations" in path.parts
            or "formats" in path.parts
            or path.name == "quickstart.py"
        ):
            continue
        tree = ast.parse(path.read_text("utf-8"))
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                assert not plain.search(node.value), (path, node.value)
