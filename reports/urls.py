from django.urls import path

from . import views

urlpatterns = [
    path("<slug:slug>/ledger/", views.ledger, name="ledger"),
    path("<slug:slug>/ledger.csv", views.ledger_csv, name="ledger_csv"),
]
