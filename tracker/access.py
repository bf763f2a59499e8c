"""Who may do what: roles, actions and the table that joins them. Plain values; imports nothing of ours.

Where a person may do it is a scope (which bodies), and scopes are querysets: see `visible_to` and `editable_by`.
"""

REPORTER = "reporter"
LEADER = "leader"
REVIEWER = "reviewer"
SUPERVISOR = "supervisor"
ADMINISTRATOR = "administrator"
AUDITOR = "auditor"

# Actions
LOG = "log"  # draft, submit and withdraw the entries of one's own body
REVIEW = "review"  # accept or return what was submitted to one's own body
SIGN_OFF = "sign_off"  # accept for one's own body: the leader's step, and the national body's own review
READ = "read"  # the plan, the ledger and its file, within one's scope
ADMINISTER = "administer"  # change records in the back office, within one's scope
INSPECT = "inspect"  # read the back office and its histories, change nothing

MAY: dict[str, frozenset[str]] = {
    REPORTER: frozenset({READ, LOG}),
    LEADER: frozenset({READ, SIGN_OFF}),
    REVIEWER: frozenset({READ, REVIEW}),
    SUPERVISOR: frozenset({READ}),
    ADMINISTRATOR: frozenset({READ, ADMINISTER, INSPECT}),
    AUDITOR: frozenset({READ, INSPECT}),
}

# Scopes: own body; own body and those it reviews; the body and all below it, by either line.
OWN = "own"
REVIEWED = "reviewed"
SUBTREE = "subtree"

SCOPE: dict[str, str] = {
    REPORTER: OWN,
    LEADER: OWN,
    REVIEWER: REVIEWED,
    SUPERVISOR: SUBTREE,
    ADMINISTRATOR: SUBTREE,
    AUDITOR: SUBTREE,
}
