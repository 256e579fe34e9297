from django.http import HttpRequest, HttpResponse


def list(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("list")


def new(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("new")


def compare(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("compare")


def detail(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("detail")
