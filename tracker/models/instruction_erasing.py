"""What 清除 (rule 6) takes from leaders' notes: their texts and answers, and what of them quotes an erased text."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from .assignments import Assignment
from .instructions import Instruction, InstructionReply, Step

TEXT, ANSWER, REASON = "text", "answer", "reason"
NAMES: dict[str, Any] = {
    TEXT: _("leader’s note"),
    ANSWER: _("answers to the note"),
    REASON: _("why the note was withdrawn"),
}


def texts_of(note: Instruction) -> dict[str, list[str]]:
    """What a note holds, by what it is called; without what is empty. Two queries."""
    answers = note.replies.exclude(answer="").values_list("answer", flat=True)
    reasons = note.events.filter(action=Step.WITHDRAWN).values_list("comment", flat=True)
    held = {TEXT: [note.text], ANSWER: list(answers), REASON: list(reasons)}
    return {name: texts for name, texts in held.items() if texts}


def blank(note: Instruction, names: Iterable[str], gone: Callable[[str], bool], words: str) -> None:
    """Set words in the place of the named texts, and of every other that is, or quotes, what is gone."""
    names = set(names)
    if TEXT in names or gone(note.text):
        Instruction.objects.filter(pk=note.pk).update(text=words)
    for reply in note.replies.exclude(answer=""):
        if ANSWER in names or gone(reply.answer):
            InstructionReply.objects.filter(pk=reply.pk).update(answer=words)
    for event in note.events.exclude(comment="").exclude(action=Step.ERASED):
        if REASON in names or gone(event.comment):
            note.events.filter(pk=event.pk).update(comment=words)


def notes_near(assignment: Assignment) -> Any:
    """The notes that may quote what an assignment's entry says: about it, its task or its body."""
    about = Q(assignment=assignment) | Q(task=assignment.task_id) | Q(organization=assignment.organization_id)
    return Instruction.objects.filter(about)
