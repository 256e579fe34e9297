import os

from django.core.wsgi import get_wsgi_application
from granian.utils.proxies import wrap_wsgi_with_proxy_headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tunixrt.settings")

from django.conf import settings

from tunixrt.body import expecting_whole_bodies
from tunixrt.preflight import check_secret_key

check_secret_key()
application = expecting_whole_bodies(get_wsgi_application())
if settings.TRUSTED_PROXIES:
    # Only here do X-Forwarded-For and -Proto become the peer and the scheme, and only from these.
    application = wrap_wsgi_with_proxy_headers(application, trusted_hosts=settings.TRUSTED_PROXIES)
