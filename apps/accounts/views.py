from django.http import HttpRequest, HttpResponse


def tokens(request: HttpRequest, **names: str) -> HttpResponse:
    return HttpResponse("tokens")
