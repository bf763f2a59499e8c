from django.contrib.admin import AdminSite


class BackOfficeSite(AdminSite):
    pass
