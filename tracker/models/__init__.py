from .assignments import Assignment, Part
from .entries import Entry
from .events import Event
from .lights import Light, Reason
from .moves import State, TransitionRefused
from .organizations import Level, Line, Organization
from .people import Membership, Role, User
from .periods import Holiday, Period
from .plan import Area, Figure, Frequency, Heading, Plan, Reporting, Review, Status, Task
from .tallies import AssignmentTally, EntryTally, tallying

__all__ = [
    "Area",
    "Assignment",
    "AssignmentTally",
    "Entry",
    "EntryTally",
    "Event",
    "Figure",
    "Frequency",
    "Heading",
    "Holiday",
    "Level",
    "Light",
    "Line",
    "Membership",
    "Organization",
    "Part",
    "Period",
    "Plan",
    "Reason",
    "Reporting",
    "Review",
    "Role",
    "State",
    "Status",
    "Task",
    "TransitionRefused",
    "User",
    "tallying",
]
