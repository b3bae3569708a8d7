"""Stores to test, on both databases."""

import pytest
from sqlalchemy import text

from nbprocessor.store.database import open_database, writing
from nbprocessor.store.jobs import JobStore
from nbprocessor.store.results import ResultStore
from tests.servers.postgresql import postgresql_server, postgresql_url  # noqa: F401  # fixtures


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request, tmp_path):
    if request.param == "postgresql":
        return request.getfixturevalue("postgresql_url")
    return f"sqlite:///{tmp_path / 'jobs.db'}"


@pytest.fixture
def engine(database_url):
    engine = open_database(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def raised_from(engine, database_url):
    """Make the database one of an earlier form, by statements that undo what came since, and open it anew."""
    opened = []

    def raised(form, *statements):
        with writing(engine) as connection:
            for statement in (*statements, f"UPDATE schema_version SET version = {form}"):
                connection.execute(text(statement))
        opened.append(open_database(database_url))
        return opened[-1]

    yield raised
    for again in opened:
        again.dispose()


@pytest.fixture
def store(engine):
    return JobStore(engine)


@pytest.fixture
def results(tmp_path):
    return ResultStore(tmp_path / "results")
