from django.http import HttpRequest, HttpResponse


def new(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("new")


def compare(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("compare")


def score(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("score")
