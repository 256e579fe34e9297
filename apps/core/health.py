from django.db import connection


def check_database() -> None:
    """One round trip. Raises django.db.Error when there is none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchone()
