from django.urls import path

from .views import board, brief, comparison, figures, files, ledger, overview, records, timeline, urging

urlpatterns = [
    path("organizations.csv", records.organizations_csv, name="organizations_csv"),
    path("<slug:slug>/", overview.overview, name="overview"),
    path("<slug:slug>/by-task/", overview.by_task, name="by_task"),
    path("<slug:slug>/by-body/", overview.by_body, name="by_body"),
    path("<slug:slug>/ledger/", ledger.ledger, name="ledger"),
    path("<slug:slug>/ledger.csv", files.ledger_csv, name="ledger_csv"),
    path("<slug:slug>/evidence.zip", files.evidence_zip, name="evidence_zip"),
    path("<slug:slug>/ledger.xlsx", files.ledger_xlsx, name="ledger_xlsx"),
    path("<slug:slug>/ledger-print.xlsx", files.ledger_print, name="ledger_print"),
    path("<slug:slug>/entries.csv", records.entries_csv, name="entries_csv"),
    path("<slug:slug>/figures.csv", records.figures_csv, name="figures_csv"),
    path("<slug:slug>/board/", board.board, name="board"),
    path("<slug:slug>/figures/", figures.figures, name="figures"),
    path("<slug:slug>/figures/<slug:key>/", figures.figure, name="figure"),
    path("<slug:slug>/timeline/", timeline.timeline, name="timeline"),
    path("<slug:slug>/comparison/", comparison.comparison, name="comparison"),
    path("<slug:slug>/comparison/<int:pk>/", comparison.frozen, name="comparison_frozen"),
    path("<slug:slug>/urge/", urging.urge, name="urge"),
    path("<slug:slug>/briefs/", brief.briefs, name="briefs"),
    path("<slug:slug>/briefs/<int:pk>/", brief.brief, name="brief"),
    path("<slug:slug>/briefs/<int:pk>.docx", brief.brief_docx, name="brief_docx"),
]
