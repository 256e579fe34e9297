"""The JSON of the record of acts."""

from datetime import date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field, JsonValue

from apps.audit.models import Act
from apps.core.ids import isoformat
from apps.core.pagination import Page, PageQuery

Verb = Literal[
    "made-trace",
    "imported-trace",
    "scored-trace",
    "exported-trace",
    "deleted-trace",
    "removed-import",
    "discarded-upload",
    "saved-mapping",
    "curated-trace",
    "noted-trace",
    "found-overlaps",
    "found-duplicates",
    "removed-duplicates",
    "built-dataset",
    "exported-dataset",
    "deleted-dataset",
    "generated-manifest",
    "deleted-record",
    "cancelled-job",
    "made-token",
    "revoked-token",
    "made-account",
    "changed-account",
    "deleted-account",
    "signed-in",
    "signed-out",
    "sign-in-failed",
    "backed-up",
    "restored",
]


class ActQuery(PageQuery):
    actor: Annotated[str | None, Field(description="name of an account, or `local operator`")] = None
    verb: Verb | None = None
    thing: Annotated[str | None, Field(description="its id or name")] = None
    since: Annotated[date | None, Field(description="a day in UTC, itself included")] = None
    until: Annotated[date | None, Field(description="a day in UTC, itself included")] = None

    @property
    def filters(self) -> dict[str, Any]:
        return self.model_dump(include={"actor", "verb", "thing", "since", "until"})


class ListedAct(BaseModel):
    id: UUID
    at: datetime
    actor: str
    account_id: Annotated[int | None, Field(description="null where the actor has no account")]
    token: Annotated[str | None, Field(description="name of the API token it came by")]
    address: Annotated[str | None, Field(description="of the client")]
    verb: Verb
    thing: Annotated[str | None, Field(description="its id or name")]
    rows: Annotated[int, Field(description="how many it touched")]
    details: dict[str, JsonValue]


class ActPage(Page[ListedAct]):
    pass


def listed(act: Act) -> dict[str, Any]:
    return {
        "id": str(act.pk),
        "at": isoformat(act.at),
        "actor": act.actor_name,
        "account_id": act.actor_id,
        "token": act.token_name or None,
        "address": act.address or None,
        "verb": act.verb,
        "thing": act.key or None,
        "rows": act.rows,
        "details": act.detail,
    }
