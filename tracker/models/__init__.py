from .assignments import Assignment, Part
from .audit import Operation
from .blockers import Blocker, BlockerState
from .briefs import Brief
from .cascade import Cascade
from .codes import OneTimeCode
from .comparisons import Comparison, ComparisonRule
from .course import course_of
from .deputies import Deputy
from .digests import Digest
from .entries import Entry
from .erasures import Erasure
from .events import Event
from .evidence import Evidence
from .extensions import Extension, ExtensionState
from .handings import Handing, HandingState
from .headlines import Figure
from .instructions import Instruction, InstructionEvent, InstructionReply
from .lights import Light, Reason
from .milestones import Milestone, Rewording
from .moves import State, TransitionRefused
from .notices import Notice, Phrase
from .nudges import Nudge
from .organizations import Kind, Level, Line, Organization
from .people import Membership, Role, User
from .periods import Holiday, Period
from .plan import Area, Frequency, Heading, Plan, Reporting, Review, Status, Task
from .tallies import AssignmentTally, EntryTally, tallying
from .tokens import Token
from .values import FigureValue

__all__ = [
    "Area",
    "Assignment",
    "AssignmentTally",
    "Blocker",
    "BlockerState",
    "Brief",
    "Cascade",
    "Comparison",
    "ComparisonRule",
    "Deputy",
    "Digest",
    "Entry",
    "EntryTally",
    "Erasure",
    "Event",
    "Evidence",
    "Extension",
    "ExtensionState",
    "Figure",
    "FigureValue",
    "Frequency",
    "Handing",
    "HandingState",
    "Heading",
    "Holiday",
    "Instruction",
    "InstructionEvent",
    "InstructionReply",
    "Kind",
    "Level",
    "Light",
    "Line",
    "Membership",
    "Milestone",
    "Notice",
    "Nudge",
    "OneTimeCode",
    "Operation",
    "Organization",
    "Part",
    "Period",
    "Phrase",
    "Plan",
    "Reason",
    "Reporting",
    "Review",
    "Rewording",
    "Role",
    "State",
    "Status",
    "Task",
    "Token",
    "TransitionRefused",
    "User",
    "course_of",
    "tallying",
]
