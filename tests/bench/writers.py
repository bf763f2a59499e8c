"""The ledger's rows as CSV, by ours and by what else a Django project would write them with.

Each returns how many rows it wrote; nothing at all where what it needs is not installed.
"""

import csv
import os
import time

# As near to the ledger's 29 columns as paths come, which have neither numbers, cooperating bodies nor counts.
PATHS = """
    task__heading__area__title task__heading__title task__code task__wording standard organization__name
    organization__parent__name task__owner__name leader responsible organization__telephone due status percent light
    light_reason latest__state latest__progress latest__problems latest__next_steps latest__submitted_by__name
    latest__submitted_at latest__decided_by__name latest__comment struck_off_on pk
""".split()  # noqa: SIM905
ORDER = ("task__position", "organization__path")


def ours(few: int) -> dict[str, float]:
    """The view's answer, read to its end, as a superuser made for it, whom the log names."""
    from django.test import RequestFactory

    from reports.views.files import ledger_csv
    from tracker.models import Operation, User

    request = RequestFactory().get("/reports/18/ledger.csv")
    request.user, _made = User.objects.get_or_create(username="bench", defaults={"is_superuser": True, "password": "!"})
    at, started = [], time.perf_counter()
    with open(os.devnull, "wb") as file:
        for piece in ledger_csv(request, "18").streaming_content:
            if len(at) < 2:
                at.append(time.perf_counter() - started)
            file.write(piece)
    told = Operation.objects.filter(action=Operation.Action.EXPORTED).latest("pk")
    return {"rows": told.detail["rows"], "first": at[0], "first_row": at[-1]}


def by_values_list(few: int) -> dict[str, float]:
    from tracker.models import Assignment

    rows = 0
    with open(os.devnull, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        for row in Assignment.objects.live().order_by(*ORDER).values_list(*PATHS).iterator():
            writer.writerow(row)
            rows += 1
    return {"rows": rows}


def by_import_export(few: int) -> dict[str, float]:
    try:
        from import_export import fields, resources
    except ImportError:
        return {}
    from tracker.models import Assignment

    class Resource(resources.ModelResource):
        class Meta:
            model = Assignment
            fields = ()

    resource = Resource()
    resource.fields = {path: fields.Field(attribute=path, column_name=path) for path in PATHS}
    data = resource.export(few_of(few))
    return {"rows": len(data), "bytes": len(data.csv)}


def by_table_export(few: int) -> dict[str, float]:
    try:
        import tablib  # noqa: F401 — what TableExport writes with
    except ImportError:
        return {}
    import django_tables2 as tables
    from django_tables2.export import TableExport

    columns = [(path, tables.Column(accessor=path)) for path in PATHS]
    rows = few_of(few)
    return {"rows": len(rows), "bytes": len(TableExport("csv", tables.Table(rows, extra_columns=columns)).export())}


def few_of(few: int):
    """Instances with all that the paths lead to, in one query."""
    from tracker.models import Assignment

    beside = (
        *("task__heading__area", "task__owner", "organization__parent"),
        *("latest__submitted_by", "latest__decided_by"),
    )
    return Assignment.objects.live().select_related(*beside).order_by(*ORDER)[:few]
