from django.urls import path

from apps.jobs import api, views

app_name = "jobs"

urlpatterns = [
    path("jobs", views.list, name="list"),
    path("jobs/<str:id>", views.detail, name="detail"),
    path("jobs/<str:id>/cancel", views.cancel, name="cancel"),
]

api_urlpatterns = [
    path("jobs", api.Jobs.as_view()),
    path("jobs/<str:id>", api.JobDetail.as_view()),
    path("jobs/<str:id>/cancel", api.JobCancel.as_view()),
]
