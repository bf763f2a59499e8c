"""Forms: what is typed is checked beside its field and kept when it is refused."""

from .briefs import BriefForm, BriefWithdrawalForm
from .completion import CompletionForm
from .entries import DecisionForm, EntryForm
from .erasures import ErasureForm, NoteErasureForm
from .extensions import ExtensionDecisionForm, ExtensionForm
from .fields import DayField, DayInput, ModelRefusals, is_key
from .figures import typed_numbers
from .finding import NAMED, TYPED, FindForm, OrganizationChoice
from .handings import GivenForm, HandDownForm, ShareForm, SigningForm
from .instructions import InstructionAnswerForm, InstructionForm, InstructionWithdrawForm
from .matters import AnswerForm, PassUpForm, WithdrawForm
from .milestones import MilestoneForm, ReachForm
from .nudges import ReplyForm, UrgeForm
from .people import CodeForm, DeputyForm, SignInForm
from .periods import LetInForm
from .review import PhraseForm, QueuedForm
from .sheet import RowForm, as_typed
from .sign_off import SignOffForm
from .tokens import TokenForm

__all__ = [
    "NAMED",
    "TYPED",
    "AnswerForm",
    "BriefForm",
    "BriefWithdrawalForm",
    "CodeForm",
    "CompletionForm",
    "DayField",
    "DayInput",
    "DecisionForm",
    "DeputyForm",
    "EntryForm",
    "ErasureForm",
    "ExtensionDecisionForm",
    "ExtensionForm",
    "FindForm",
    "GivenForm",
    "HandDownForm",
    "InstructionAnswerForm",
    "InstructionForm",
    "InstructionWithdrawForm",
    "LetInForm",
    "MilestoneForm",
    "ModelRefusals",
    "NoteErasureForm",
    "OrganizationChoice",
    "PassUpForm",
    "PhraseForm",
    "QueuedForm",
    "ReachForm",
    "ReplyForm",
    "RowForm",
    "ShareForm",
    "SignInForm",
    "SignOffForm",
    "SigningForm",
    "TokenForm",
    "UrgeForm",
    "WithdrawForm",
    "as_typed",
    "is_key",
    "typed_numbers",
]
