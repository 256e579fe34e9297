from django.http import HttpRequest, HttpResponse


def panel(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("panel")


def list(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("list")


def detail(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("detail")


def compare(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("compare")
