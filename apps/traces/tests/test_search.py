"""What search finds, the same on both databases, in the index and before it; that the index stays right."""

from concurrent.futures import ThreadPoolExecutor
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import apps.traces.models as models
from apps.core import keyset
from apps.formats.search_terms import is_found, parse_query, search_body
from apps.jobs.chores import do_chores
from apps.traces import index
from apps.traces.delete import delete_free_traces, delete_traces
from apps.traces.index import index_new_traces, index_some
from apps.traces.models import SearchText, Trace, UnindexedTrace, search
from apps.traces.tests.factories import make_trace, make_traces

CORPUS = [
    "What is 27 × 19? 1,000.5",
    "def foo_bar(x): return x->y[0]  # C++ & a|b !c <-> d:*",
    "Élan naïve ÅNGSTRÖM Straße",
    "Сколько яблок? Ёлка",
    "我吃苹果。 你好",
    "東京タワーへ行く",
    "ภาษาไทยง่าย",
    "हिन्दी में कितने",
    "한국어가 좋아",
    "שלום עליכם مرحبا",
    "👍🏽 👨\u200d👩 🂡 x² ∑",
    "'quoted' \"double\" back\\slash 100% _x_ {a} ^b (c) NEAR(d) AND OR NOT",
    "…",
]

FOUND = [
    ("27", [0]),
    ("27 19", [0]),
    ("×", [0]),
    ('"27 × 19"', [0]),
    ('"27 19"', []),
    ("2*", [0]),
    ("000", [0]),
    ("1,000.5", [0]),
    ("foo_bar", [1]),
    ("foo", [1]),
    ("bar foo", [1]),
    ('"bar foo"', []),
    ("elan NAIVE angstrom strasse", [2]),
    ("Straße", [2]),
    ("яблок", [3]),
    ("ябл*", [3]),
    ("ябл", []),
    ("елка", [3]),
    ("苹果", [4]),
    ("果苹", []),
    ("东京", []),
    ("東京", [5]),
    ("ﾀﾜｰ", [5]),
    ("ไทย", [6]),
    ("हिन्दी", [7]),
    ("हिन्द", []),
    ("한국", [8]),
    ("שלום", [9]),
    ("مرحبا", [9]),
    ("🂡", [10]),
    ("🂢", []),
    ("👍", [10]),
    ("x2", [10]),
    ("NEAR AND OR NOT", [11]),
    ('"and or not"', [11]),
    ("a", [1, 11]),
    ("a* -b", [1, 11]),
    ("%", []),
    ("…", []),
]


def _found(q: str) -> list[str]:
    return [trace.prompt for trace in Trace.objects.searched(q).order_by("pk")]


@pytest.fixture(params=[True, False], ids=["indexed", "waiting"])
def is_indexed(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture
def corpus(db: None, is_indexed: bool) -> None:
    step = {"i": 0, "type": "t", "content": "!"}
    for text in CORPUS:
        make_trace(prompt=text, final_answer="!", steps=[step])
    if is_indexed:
        assert index_new_traces() == len(CORPUS)


@pytest.mark.usefixtures("corpus")
@pytest.mark.parametrize("few", [2_000, 0])
@pytest.mark.parametrize("counted", [keyset.COUNTED, 0], ids=["rare", "common"])
@pytest.mark.parametrize("is_walked", [True, False])
def test_each_database_finds_the_same(
    few: int, counted: int, is_walked: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "FEW", few)
    monkeypatch.setattr(search, "COUNTED", counted)
    for q, numbers in FOUND:
        found = Trace.objects.searched(q, is_walked=is_walked).order_by("pk")
        assert [trace.prompt for trace in found] == [CORPUS[n] for n in numbers], q
        assert not counted or Trace.objects.look_up(q).count.number == len(numbers), q


@pytest.mark.usefixtures("corpus")
def test_each_of_its_own_words_finds_a_trace() -> None:
    for text in CORPUS:
        for word in text.split():
            assert not parse_query(word) or text in _found(word), word


ANY_TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
HOSTILE = st.lists(
    st.sampled_from([*"\"'*^:(){}-+&|!<>\\%_,. ", "AND", "OR", "NOT", "NEAR", "body", "a", "苹", "é", "<->"])
).map("".join)


@pytest.mark.django_db
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=ANY_TEXT | HOSTILE, q=ANY_TEXT | HOSTILE)
def test_any_text_is_found_by_itself_and_any_query_is_text(text: str, q: str) -> None:
    trace = make_trace(prompt=text or "x")
    index_new_traces()
    for word in (*text.split(), text):
        assert Trace.objects.searched(word).filter(pk=trace.pk).exists() == bool(parse_query(word))
    body = search_body([trace.prompt, trace.final_answer, *(step["content"] for step in trace.step_list)])
    is_expected = bool(parse_query(q)) and is_found(parse_query(q), body)
    assert Trace.objects.searched(q).filter(pk=trace.pk).exists() == is_expected


@pytest.mark.usefixtures("corpus")
def test_a_very_long_query_is_no_error() -> None:
    assert _found(" ".join(f"w{n}" for n in range(500))) == []
    assert _found("27 " * 330) == CORPUS[:1]
    assert _found('"' * 999) == []


@pytest.mark.django_db
def test_a_phrase_is_found_in_a_long_text_beyond_the_positions_of_a_tsvector() -> None:
    steps = [{"i": n, "type": "t", "content": "word " * 3_000} for n in range(8)]
    trace = make_trace(steps=[*steps, {"i": 9, "type": "t", "content": "the very end"}])
    make_trace(prompt="very", final_answer="end")
    index_new_traces()
    assert [*Trace.objects.searched('"very end"')] == [trace]
    assert [*Trace.objects.searched('"very en*"')] == []
    assert [*Trace.objects.searched("very-en*")] == [trace]


# --- Behind the traces -------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_is_not_indexed_is_found_up_to_a_bound_and_the_rest_is_said(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MAX_UNINDEXED", 2)
    make_traces(3)
    assert _found("question") == ["Question 1", "Question 2"]
    page = api.get("/traces?q=question").text
    assert "1 trace cannot be found by words yet" in page
    assert "by words yet" not in api.get("/traces").text
    monkeypatch.setattr(models, "MAX_UNINDEXED_CHARACTERS", 1)
    assert _found("question") == ["Question 2"]
    assert Trace.objects.look_up("question").overlooked.number == 2
    index_new_traces()
    assert _found("question") == ["Question 0", "Question 1", "Question 2"]
    assert "by words yet" not in api.get("/traces?q=question").text


@pytest.mark.django_db
def test_the_worker_s_chore_indexes_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "BATCH", 2)
    monkeypatch.setattr(index, "CHORE_SECONDS", 0)
    make_traces(3)
    assert [index_some(), UnindexedTrace.objects.count()] == [True, 1]
    assert [do_chores(), UnindexedTrace.objects.count()] == [True, 0]
    assert do_chores() is False
    assert SearchText.objects.count() == 3


@pytest.mark.django_db
def test_the_command_indexes_all() -> None:
    make_traces(3)
    out = StringIO()
    call_command("index_traces", stdout=out)
    assert out.getvalue().startswith("Indexed 3 traces in ")
    assert UnindexedTrace.objects.count() == 0


def test_an_act_on_all_that_is_found_is_exact_or_refused(
    api: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(models, "MAX_UNINDEXED", 0)
    make_traces(3)
    body: dict[str, Any] = {"dataset_name": "found", "dataset_version": "v1", "where": {"q": "question"}}
    monkeypatch.setattr(keyset, "COUNTED", 2)
    refused = api.post("/api/datasets/build", body, "application/json")
    assert (refused.status_code, "manage.py index_traces" in refused.text) == (409, True)
    monkeypatch.setattr(keyset, "COUNTED", 3)
    assert api.post("/api/datasets/build", body, "application/json").json()["trace_count"] == 3


# --- The index stays right ---------------------------------------------------------------------


def _index_rows() -> int:
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT count(*) FROM traces_searchtext WHERE vector @@ '''question'''::tsquery")
        else:
            cursor.execute("INSERT INTO traces_searchindex (traces_searchindex) VALUES ('integrity-check')")
            cursor.execute("SELECT count(*) FROM traces_searchindex('question')")
        return int(cursor.fetchone()[0])


@pytest.mark.django_db
@pytest.mark.parametrize("delete", [delete_traces, delete_free_traces])
def test_what_is_deleted_leaves_the_index_and_the_line(delete: Any) -> None:
    indexed = make_traces(3)
    index_new_traces()
    waiting = make_traces(2)
    assert delete(Trace.objects.with_keys([indexed[0].pk, indexed[1].pk, waiting[0].pk])) == 3
    assert _index_rows() == 1
    assert [*UnindexedTrace.objects.values_list("pk", flat=True)] == [waiting[1].pk]
    assert [*SearchText.objects.values_list("trace_id", flat=True)] == [indexed[2].pk]
    index_new_traces()
    assert _index_rows() == 2


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer, and a test one connection")
@pytest.mark.django_db(transaction=True)
def test_indexing_ingest_and_deletion_at_once_leave_each_trace_in_one_place() -> None:
    def bring(_: int) -> None:
        make_traces(15)
        connections.close_all()

    def drain(_: int) -> None:
        for _ in range(15):
            index_some()
        connections.close_all()

    def remove(_: int) -> None:
        for _ in range(10):
            delete_free_traces(Trace.objects.with_keys(Trace.objects.newest_ids(1)))
        connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        acts = [pool.submit(act, n) for n in range(2) for act in (bring, drain, remove)]
        for act in acts:
            act.result()
    index_new_traces()
    ids = {*Trace.objects.values_list("pk", flat=True)}
    assert {*SearchText.objects.values_list("trace_id", flat=True)} == ids
    assert (UnindexedTrace.objects.count(), _index_rows()) == (0, len(ids))


# --- Plans and queries -------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_index_is_asked_and_no_table_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models, "FEW", 0)
    make_traces(3)
    index_new_traces()
    with connection.cursor() as cursor:
        cursor.execute("SET enable_seqscan = off" if connection.vendor == "postgresql" else "SELECT 1")
    for is_walked in (True, False):
        rows = Trace.objects.searched("question", is_walked=is_walked).newest_first()
        plan = rows.values("pk")[:51].explain()
        assert "Seq Scan" not in plan
        assert "SCAN traces_searchtext" not in plan
        if connection.vendor == "sqlite":
            read = "SEARCH traces_searchtext USING INDEX" if is_walked else "SCAN traces_searchindex VIRTUAL"
            assert read in plan
        elif not is_walked:
            assert "traces_searchindex" in plan


@pytest.mark.parametrize("query", ["q=question", "q=question&source=test", "q=what*&sort=-chars"])
def test_a_search_takes_as_many_queries_for_1_as_for_many(api: Client, query: str) -> None:
    counts = []
    for count in (1, 2, 97):
        make_traces(count)
        index_new_traces()
        with CaptureQueriesContext(connection) as queries:
            assert api.get(f"/traces?{query}").status_code == 200
        counts.append(len(queries))
    assert counts == [counts[0]] * 3
