"""Who may do what: roles, actions, pages, and the tables that join them. Plain values; imports nothing of ours.

Where a person may do it is a scope (which bodies), and scopes are querysets: see `visible_to` and `editable_by`.

A new page needs a row here: a page of the site in `PAGES`, a record of the back office in `BACK_OFFICE`. Without one
nobody is let in, `manage.py check` complains, and the tests of permissions fail.
"""

from __future__ import annotations

REPORTER = "reporter"
LEADER = "leader"
REVIEWER = "reviewer"
SUPERVISOR = "supervisor"
ADMINISTRATOR = "administrator"
SECURITY = "security"
AUDITOR = "auditor"

# Actions
READ = "read"  # the plan, the ledger and its file, within one's scope
LOG = "log"  # draft, submit and withdraw the entries of one's own body
SIGN_OFF = "sign_off"  # accept for one's own body: the leader's step, and the national body's own review
REVIEW = "review"  # accept or return what was submitted to one's own body
HAND_DOWN = "hand_down"  # give tasks to the bodies below one's own (下达), take them back, move their dates
SIGN = "sign"  # answer for one's own body what was handed down to it: sign for it (签收), or send it back
COORDINATE = "coordinate"  # answer what bodies below ask of one's own (需协调事项), or pass it up
INSTRUCT = "instruct"  # write leaders' notes (批示) to one's own body and those below, read what is answered
URGE = "urge"  # remind bodies in one's scope of what they have not handed in
EXCUSE = "excuse"  # excuse entries below, owe them again, open them after the lock
STRIKE_OFF = "strike_off"  # strike off what is completed below (销号), reopen it
ASK_EXTENSION = "extend"  # ask for a later due date for one's own body (延期申请)
DECIDE_EXTENSION = "postpone"  # decide on it, for the body that reviews or handed it down
ASK_ERASURE = "ask_erasure"  # ask that a leaked text or file be erased
ERASE = "erase"  # agree to it, as the second person
INSPECT = "inspect"  # read the back office and its histories, change nothing
ADMINISTER = "administer"  # change records in the back office, within one's scope
GRANT = "grant"  # accounts, roles, passwords and codes, within one's scope
COMPARE = "compare"  # read how bodies compare (考核): those below one's own, and one's own among its peers
AUDIT = "audit"  # read the operations log
READ_BRIEF = "read_brief"  # read the briefs (通报) of the bodies in one's scope
BRIEF = "brief"  # draft them, and withdraw them

# Where no role is asked for
ANYBODY = "anybody"
SIGNED_IN = "signed_in"
NOBODY = "nobody"


def read_table(text: str) -> dict[str, dict[str, str]]:
    """A table as it stands on the page: the first line names the columns, the first word of each other its row."""
    header, *lines = (line.split() for line in text.strip().splitlines())
    return {row: dict(zip(header, cells, strict=True)) for row, *cells in lines}


# Role × action. `joined`: only as long as SEPARATE_DUTIES is off, when an administrator does the security's work too.
ROLES = read_table("""
            reporter  leader  reviewer  supervisor  administrator  security  auditor
read        yes       yes     yes       yes         yes            yes       yes
log         yes       -       -         -           -              -         -
sign_off    -         yes     -         -           -              -         -
review      -         -       yes       -           -              -         -
hand_down   -         -       -         yes         yes            -         -
sign        yes       yes     -         -           yes            -         -
coordinate  -         yes     yes       yes         -              -         -
instruct    -         yes     -         yes         -              -         -
urge        -         -       yes       yes         -              -         -
excuse      -         -       -         yes         yes            -         -
strike_off  -         -       -         yes         -              -         -
extend      yes       yes     -         -           -              -         -
postpone    -         -       yes       yes         -              -         -
ask_erasure -         -       yes       yes         yes            -         -
erase       -         -       -         yes         yes            -         -
compare     -         yes     -         yes         yes            -         yes
inspect     -         -       -         -           yes            yes       yes
administer  -         -       -         -           yes            -         -
grant       -         -       -         -           joined         yes       -
audit       -         -       -         -           -              -         yes
read_brief  -         yes     -         yes         yes            yes       yes
brief       -         -       -         yes         -              -         -
""")

SEPARATED = (ADMINISTRATOR, SECURITY, AUDITOR)  # with SEPARATE_DUTIES on, one account holds one of these at most


def may(role: str, action: str, *, separate: bool) -> bool:
    if action in (ANYBODY, SIGNED_IN):
        return True
    answer = ROLES.get(action, {}).get(role, "-")
    return answer == "yes" or (answer == "joined" and not separate)


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
    SECURITY: SUBTREE,
    AUDITOR: SUBTREE,
}

# The pages of the site, by URL name, in the order of urls.py, and what a page asks for to be opened; in `POSTS`, where
# sending it something asks for more, the actions of which one is enough.
PAGES = {
    "home": SIGNED_IN,
    "entry": READ,
    "on_behalf": READ,
    "sheet": LOG,
    "sheet_save": ANYBODY,  # answers its script in its own words where the login has run out
    "sheet_xlsx": LOG,
    "sheet_csv": LOG,
    "sheet_upload": LOG,
    "sign_off": READ,
    "sign_off_print": READ,
    "evidence_change": LOG,
    "evidence": READ,
    "erasure_ask": ASK_ERASURE,
    "erasures": ASK_ERASURE,
    "erasure": ASK_ERASURE,
    "notices": SIGNED_IN,
    "notices_read": SIGNED_IN,
    "notice": SIGNED_IN,
    "nudges": READ,
    "nudge_answer": READ,
    "matters": READ,
    "matter": READ,
    "instructions": READ,
    "instruction_new": INSTRUCT,
    "instruction": READ,
    "instruction_erasure": ASK_ERASURE,
    "review": READ,
    "review_decide": ANYBODY,  # as above
    "phrases": READ,
    "plan": READ,
    "area": READ,
    "tasks": READ,
    "task": READ,
    "hand_down": HAND_DOWN,
    "given": HAND_DOWN,
    "given_task": HAND_DOWN,
    "received": SIGN,
    "assignment": READ,
    "extension_ask": ASK_EXTENSION,
    "milestones": READ,
    "milestone": READ,
    "extensions": READ,
    "extension": READ,
    "strike_off": STRIKE_OFF,
    "find": READ,
    "find_suggestions": READ,
    "find_organizations": READ,
    "organization": READ,
    "let_in": EXCUSE,
    "organizations_csv": READ,
    "overview": READ,
    "by_task": READ,
    "by_body": READ,
    "ledger": READ,
    "ledger_csv": READ,
    "evidence_zip": READ,
    "ledger_xlsx": READ,
    "ledger_print": READ,
    "entries_csv": READ,
    "figures_csv": READ,
    "board": READ,
    "figures": READ,
    "figure": READ,
    "timeline": READ,
    "comparison": COMPARE,
    "comparison_frozen": COMPARE,
    "urge": URGE,
    "briefs": READ_BRIEF,
    "brief": READ_BRIEF,
    "brief_docx": READ_BRIEF,
    "login": ANYBODY,
    "logout": SIGNED_IN,
    "password_change": SIGNED_IN,
    "acting": SIGNED_IN,
    "choose_plan": SIGNED_IN,
    "account": SIGNED_IN,
    "code": ANYBODY,
    "deputy_end": SIGNED_IN,
    "tokens": SIGNED_IN,
    "token_revoke": SIGNED_IN,
    "api": READ,
    "api_plan": READ,
    "api_organizations": READ,
    "api_tallies": READ,
    "language": ANYBODY,
    "healthz": ANYBODY,
    "admin:index": INSPECT,
    "admin:app_list": INSPECT,
    "admin:autocomplete": INSPECT,
    "admin:jsi18n": INSPECT,
    "admin:login": ANYBODY,  # sends on to the one place to sign in
    "admin:logout": NOBODY,  # the site has its own
    "admin:password_change": NOBODY,
    "admin:password_change_done": NOBODY,
    "admin:view_on_site": NOBODY,  # finds any record by its key, whatever the scope
    "admin:django.views.generic.base.RedirectView": INSPECT,  # Django's: from a record's bare address to its form
    "admin:django.contrib.admin.sites.catch_all_view": INSPECT,
}
POSTS = {
    "entry": (LOG, SIGN_OFF, REVIEW),
    "sign_off": (SIGN_OFF,),
    "review": (SIGN_OFF, REVIEW),
    "phrases": (SIGN_OFF, REVIEW),
    "matter": (COORDINATE, LOG, SIGN_OFF),
    "instruction": (INSTRUCT, LOG, SIGN_OFF),
    "nudge_answer": (LOG, SIGN_OFF),
    "assignment": (STRIKE_OFF,),
    "extension": (ASK_EXTENSION, DECIDE_EXTENSION),
    "briefs": (BRIEF,),
    "brief": (BRIEF,),
}

# The records of the back office. `see` opens lists, records and histories and offers choices of them, `act` runs what
# a list offers for many rows at once.
BACK_OFFICE = read_table("""
              see      add         change      delete      act
task          inspect  administer  administer  nobody      administer
assignment    inspect  administer  administer  nobody      administer
entry         inspect  nobody      nobody      nobody      administer
period        inspect  administer  administer  administer  administer
holiday       inspect  administer  administer  administer  administer
organization  inspect  administer  administer  nobody      administer
user          inspect  grant       grant       nobody      grant
membership    inspect  grant       grant       grant       grant
plan          inspect  administer  administer  nobody      administer
area          inspect  administer  administer  nobody      administer
heading       inspect  administer  administer  nobody      administer
figure        inspect  administer  administer  nobody      administer
comparisonrule inspect administer administer nobody   nobody
event         inspect  nobody      nobody      nobody      nobody
digest        inspect  nobody      nobody      nobody      nobody
evidence      inspect  nobody      nobody      nobody      nobody
erasure       inspect  nobody      nobody      nobody      nobody
operation     audit    nobody      nobody      nobody      nobody
""")
EXCHANGED = ("organization", "user", "assignment", "holiday", "task", "area", "figure")  # their files come back
# Pages that a record has beside Django's own: which of its columns they ask for.
BESIDE = {
    "task_reword": "change",
    "task_end": "change",
    "task_merge": "change",
    "organization_load": "add",
    "organization_move": "change",
    "organization_merge": "change",
    "organization_split": "change",
    "organization_close": "change",
    "user_password": "change",
    "user_code": "change",
    "user_handover": "change",
    "user_deputies": "change",
    "user_invitations": "act",
    "user_roster": "add",
    "plan_load": "add",
    "plan_template": "add",
    "operation_csv": "see",
    # What the list shows leaves as a file, and what was changed in it comes back.
    **{f"{model}_export": "see" for model in (*EXCHANGED, "plan", "heading")},
    **{f"{model}_{page}": "change" for model in EXCHANGED for page in ("import", "process_import")},
}

STOCK = {"changelist": ("see", "act"), "change": ("see", "change"), "history": ("see", "see")}


def record(model: str, column: str) -> str:
    """What a record of the back office asks for."""
    return BACK_OFFICE.get(model, {}).get(column, NOBODY)


def needed(page: str, *, posted: bool = False) -> tuple[str, ...] | None:
    """The actions of which one is enough for a page, by its URL name; none where the page has no row."""
    if page in PAGES:
        return POSTS.get(page, (PAGES[page],)) if posted else (PAGES[page],)
    model, _line, view = page.removeprefix("admin:tracker_").partition("_")
    if not page.startswith("admin:tracker_") or model not in BACK_OFFICE:
        return None
    if view in STOCK:
        return (record(model, STOCK[view][posted]),)
    if view in ("add", "delete"):
        return (record(model, view),)
    return (record(model, BESIDE[f"{model}_{view}"]),) if f"{model}_{view}" in BESIDE else None
