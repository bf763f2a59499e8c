from django.contrib import admin
from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from tracker.views import (
    api,
    assignments,
    entries,
    erasures,
    evidence,
    extensions,
    finding,
    handings,
    instructions,
    matters,
    milestones,
    notices,
    nudges,
    organizations,
    people,
    periods,
    phrases,
    plans,
    review,
    sheet,
    sign_off,
    site,
    tokens,
    trip,
)


class CodeConverter(StringConverter):
    """A code as it stands in an address; NUL, which PostgreSQL cannot even compare, names nothing."""

    regex = r"[^/\x00]+"


register_converter(CodeConverter, "code")

urlpatterns = [
    path("", entries.home, name="home"),
    path("entries/on-behalf/", entries.on_behalf, name="on_behalf"),
    path("entries/<int:pk>/", entries.entry, name="entry"),
    path("notices/", notices.notices, name="notices"),
    path("notices/read/", notices.read_all, name="notices_read"),
    path("notices/<int:pk>/", notices.read, name="notice"),
    path("nudges/", nudges.nudges, name="nudges"),
    path("nudges/<int:pk>/", nudges.answer, name="nudge_answer"),
    path("entries/<int:pk>/evidence/", evidence.change, name="evidence_change"),
    path("entries/<int:pk>/erasure/", erasures.ask, name="erasure_ask"),
    path("evidence/<int:pk>/", evidence.download, name="evidence"),
    path("erasures/", erasures.waiting, name="erasures"),
    path("erasures/<int:pk>/", erasures.decide, name="erasure"),
    path("sheet/<slug:slug>/<code:code>/", sheet.sheet, name="sheet"),
    path("sheet/<slug:slug>/<code:code>/save/", sheet.save, name="sheet_save"),
    path("sheet/<slug:slug>/<code:code>/file.xlsx", trip.download, {"kind": "xlsx"}, name="sheet_xlsx"),
    path("sheet/<slug:slug>/<code:code>/file.csv", trip.download, {"kind": "csv"}, name="sheet_csv"),
    path("sheet/<slug:slug>/<code:code>/upload/", trip.upload, name="sheet_upload"),
    path("sign-off/<slug:slug>/<code:code>/", sign_off.sign_off, name="sign_off"),
    path("sign-off/<slug:slug>/<code:code>/print/", sign_off.printed, name="sign_off_print"),
    path("matters/", matters.matters, name="matters"),
    path("matters/<int:pk>/", matters.matter, name="matter"),
    path("instructions/", instructions.instructions, name="instructions"),
    path("instructions/new/", instructions.new, name="instruction_new"),
    path("instructions/<int:pk>/", instructions.instruction, name="instruction"),
    path("instructions/<int:pk>/erasure/", erasures.ask_for_note, name="instruction_erasure"),
    path("review/", review.queue, name="review"),
    path("review/decide/", review.decide, name="review_decide"),
    path("review/phrases/", phrases.phrases, name="phrases"),
    path("plans/<slug:slug>/", plans.plan, name="plan"),
    path("plans/<slug:slug>/areas/<int:number>/", plans.area, name="area"),
    path("plans/<slug:slug>/tasks/", plans.tasks, name="tasks"),
    path("plans/<slug:slug>/tasks/<code:code>/", plans.task, name="task"),
    path("plans/<slug:slug>/hand-down/", handings.hand_down, name="hand_down"),
    path("plans/<slug:slug>/given/", handings.given, name="given"),
    path("plans/<slug:slug>/given/<code:code>/", handings.given_task, name="given_task"),
    path("handings/", handings.received, name="received"),
    path("assignments/<int:pk>/", assignments.assignment, name="assignment"),
    path("assignments/<int:pk>/extension/", extensions.ask, name="extension_ask"),
    path("assignments/<int:pk>/milestones/", milestones.milestones, name="milestones"),
    path("milestones/<int:pk>/", milestones.milestone, name="milestone"),
    path("extensions/", extensions.extensions, name="extensions"),
    path("extensions/<int:pk>/", extensions.extension, name="extension"),
    path("strike-off/", assignments.strike_off, name="strike_off"),
    path("find/", finding.find, name="find"),
    path("find/suggestions.json", finding.suggestions, name="find_suggestions"),
    path("find/organizations.json", finding.organizations, name="find_organizations"),
    path("organizations/<code:code>/", organizations.organization, name="organization"),
    path("organizations/<code:code>/let-in/<slug:slug>/<code:period>/", periods.let_in, name="let_in"),
    path("reports/", include("reports.urls")),
    path("accounts/login/", site.Login.as_view(), name="login"),
    path("accounts/logout/", site.Logout.as_view(), name="logout"),
    path("accounts/password/", site.Password.as_view(), name="password_change"),
    path("accounts/acting/", site.acting, name="acting"),
    path("accounts/plan/", site.choose_plan, name="choose_plan"),
    path("accounts/", people.account, name="account"),
    path("accounts/code/", people.code, name="code"),
    path("accounts/deputies/<int:pk>/end/", people.end_deputy, name="deputy_end"),
    path("accounts/tokens/", tokens.tokens, name="tokens"),
    path("accounts/tokens/<int:pk>/revoke/", tokens.revoke, name="token_revoke"),
    path("api/", api.root, name="api"),
    path("api/plans/<slug:slug>/", api.plan, name="api_plan"),
    path("api/plans/<slug:slug>/tallies/", api.tallies, name="api_tallies"),
    path("api/organizations/", api.organizations, name="api_organizations"),
    path("language/", site.language, name="language"),
    path("healthz", site.healthz, name="healthz"),
    path("admin/", admin.site.urls),
]

handler400 = "tracker.views.site.bad_request"
handler403 = "tracker.views.site.forbidden"
handler404 = "tracker.views.site.not_found"
handler500 = "tracker.views.site.server_error"
