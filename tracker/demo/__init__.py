"""The invented federation of the demo. The login page offers these people while DEMO is on."""

from django.utils.translation import gettext_lazy as _

PASSWORD = "luoshi-demo"
ROOT = "S000000"  # no code of GB/T 2260 begins with a letter
PEOPLE = [
    ("reporter", _("Reporter, a county")),
    ("reviewer", _("Reviewer, its city")),
    ("city", _("Administrator, its city")),
    ("supervisor", _("Supervisor, its province")),
    ("national", _("Supervisor, the nation")),
    ("leader", _("Leader, the nation")),
    ("industry", _("Supervisor, an industrial union")),
    ("auditor", _("Auditor")),
    ("admin", _("Administrator")),
]
