from django.contrib import admin
from django.urls import include, path, register_converter
from django.urls.converters import StringConverter

from tracker.views import entries, organizations, plans, review, site


class CodeConverter(StringConverter):
    """A code as it stands in an address; NUL, which PostgreSQL cannot even compare, names nothing."""

    regex = r"[^/\x00]+"


register_converter(CodeConverter, "code")

urlpatterns = [
    path("", entries.home, name="home"),
    path("entries/<int:pk>/", entries.entry, name="entry"),
    path("review/", review.queue, name="review"),
    path("plans/<slug:slug>/", plans.plan, name="plan"),
    path("plans/<slug:slug>/areas/<int:number>/", plans.area, name="area"),
    path("plans/<slug:slug>/tasks/", plans.tasks, name="tasks"),
    path("plans/<slug:slug>/tasks/<code:code>/", plans.task, name="task"),
    path("organizations/<code:code>/", organizations.organization, name="organization"),
    path("reports/", include("reports.urls")),
    path("accounts/login/", site.Login.as_view(), name="login"),
    path("accounts/logout/", site.Logout.as_view(), name="logout"),
    path("accounts/password/", site.Password.as_view(), name="password_change"),
    path("accounts/acting/", site.acting, name="acting"),
    path("language/", site.language, name="language"),
    path("healthz", site.healthz, name="healthz"),
    path("admin/", admin.site.urls),
]

handler400 = "tracker.views.site.bad_request"
handler403 = "tracker.views.site.forbidden"
handler404 = "tracker.views.site.not_found"
handler500 = "tracker.views.site.server_error"
