from django.http import HttpRequest, HttpResponse


def panel(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("panel")
