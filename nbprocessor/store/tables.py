"""The database's tables, the same on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    Uuid,
    false,
    text,
)

SCHEMA_VERSION = 9
"""Number of the tables' form; rises with every change of this module.

Form 1 had no table of workers; form 2 no priorities, no next attempts and no turns; form 3 no
schedules; form 4 no sessions; form 5 no grants; form 6 no
estimated completion of jobs; form 7 no offline tokens; form 8 no notices.
"""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(time: datetime) -> int:
    """Return an aware time as microseconds since 1970, exactly."""
    return (time - _EPOCH) // timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware time, kept as microseconds since 1970 in UTC.

    A whole number is the same in every database: it sorts, subtracts and keeps its microseconds.
    """

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:  # noqa: ARG002  # SQLAlchemy's signature
        """Write an aware time; a naive one is a TypeError."""
        return None if value is None else microseconds(value)

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002  # likewise
        """Read a time in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


metadata = MetaData()

schema_version = Table("schema_version", metadata, Column("version", Integer, primary_key=True))

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("process_id", Text, nullable=False),
    Column("process_version", Text, nullable=False),
    Column("notebook_sha256", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("started", Instant),
    Column("finished", Instant),
    Column("progress", Integer, nullable=False),
    Column("message", Text, nullable=False),
    Column("owner", Text),
    Column("attempt", Integer, nullable=False),
    Column("worker", Text),
    Column("dismiss_requested", Boolean, nullable=False, server_default=false()),
    Column("mode", Text, nullable=False),
    Column("response", Text, nullable=False),
    Column("requested_outputs", JSON(none_as_null=True)),
    Column("subscriber", JSON(none_as_null=True)),
    Column("concurrency", Integer),
    Column("trigger", Text, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("1")),
    Column("not_before", Instant),
    Column("schedule_id", Uuid),
    Column("fire_time", Instant),
    Column("estimated_completion", Instant),
    # Each ends in the order of the job list: a page is read from the index, however many jobs there are.
    Index("jobs_by_time", "created", "id"),
    Index("jobs_by_status", "status", "created", "id"),
    Index("jobs_by_process", "process_id", "created", "id"),
    Index("jobs_by_owner", "owner", "created", "id"),
    Index("jobs_by_schedule", "schedule_id", "created", "id"),
    # How many jobs of a process run is asked at every claim.
    Index("jobs_by_process_and_status", "process_id", "status"),
)

# Worth losing: it is written anew every few seconds.
workers = Table(
    "workers",
    metadata,
    Column("id", Text, primary_key=True),
    Column("beats", BigInteger, nullable=False),
)

# Worth losing: whoever has no row is served next.
turns = Table(
    "turns",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("served", Instant, nullable=False),
)

callbacks = Table(
    "callbacks",
    metadata,
    # SQLite counts up in INTEGER keys only.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False),
    Column("event", Text, nullable=False),
    Column("url", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", Instant, nullable=False),
    Column("last_error", Text, nullable=False),
    UniqueConstraint("job_id", "event"),
    Index("callbacks_by_time", "state", "next_attempt"),
)

schedules = Table(
    "schedules",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("process_id", Text, nullable=False),
    Column("request", JSON, nullable=False),
    Column("cron", Text, nullable=False),
    Column("timezone", Text, nullable=False),
    Column("jitter", Integer, nullable=False),
    Column("start", Instant),
    Column("end", Instant),
    Column("created", Instant, nullable=False),
    Column("updated", Instant, nullable=False),
    Column("name", Text, nullable=False),
    Column("owner", Text),
    Column("source", Text, nullable=False),
    Column("active", Boolean, nullable=False),
    Column("message", Text, nullable=False),
    Column("misfire", Text, nullable=False),
    Column("overlap", Text, nullable=False),
    Column("retries", Integer, nullable=False),
    Column("retry_delay", Integer, nullable=False),
    Column("refusals", Integer, nullable=False),
    Column("notify", JSON, nullable=False, server_default=text("'[]'")),
    Column("failing", Boolean, nullable=False, server_default=false()),
    Column("revision", Integer, nullable=False),
    Column("next_fire", Instant),
    # When the next fire's job is to be made: its time, put off by the jitter.
    Column("due", Instant),
    Index("schedules_by_due", "due"),
    Index("schedules_by_time", "created", "id"),
    Index("schedules_by_process", "process_id", "created", "id"),
    Index("schedules_by_owner", "owner", "created", "id"),
)

# What is to be told of schedules; facts to tell it with, no results and no inputs.
notices = Table(
    "notices",
    metadata,
    # SQLite counts up in INTEGER keys only.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    # Told with it: whoever gets it twice knows by it.
    Column("key", Uuid, nullable=False),
    Column("schedule_id", Uuid, ForeignKey("schedules.id", ondelete="CASCADE"), nullable=False),
    Column("event", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("address", Text, nullable=False),
    Column("language", Text, nullable=False),
    Column("facts", JSON, nullable=False),
    Column("state", Text, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_attempt", Instant, nullable=False),
    Column("last_error", Text, nullable=False),
    Index("notices_by_time", "state", "next_attempt"),
    Index("notices_by_schedule", "schedule_id"),
)

# No foreign key to jobs or schedules: what happened stays told when a job's record is removed.
fires = Table(
    "fires",
    metadata,
    Column("schedule_id", Uuid, primary_key=True),
    Column("fire_time", Instant, primary_key=True),
    Column("attempt", Integer, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("job_id", Uuid),
    Column("due", Instant),
    Column("noted", Instant, nullable=False),
    Column("through", Instant),
    Index("fires_by_outcome", "outcome", "due"),
)

# Who does what only one process may do at a time; worth losing.
leases = Table(
    "leases",
    metadata,
    Column("name", Text, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("beats", BigInteger, nullable=False),
)

# Who is signed in on the pages. Worth losing: people sign in again.
sessions = Table(
    "sessions",
    metadata,
    # Of the id in the cookie there is a digest only: whoever reads the database has no session by it.
    Column("digest", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("keycloak_session", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("created", Instant, nullable=False),
    Column("used", Instant, nullable=False),
    # Until when one process has the renewal of the tokens to itself.
    Column("renewing", Instant),
    Index("sessions_by_owner", "owner"),
    Index("sessions_by_keycloak_session", "keycloak_session"),
    Index("sessions_by_use", "used"),
)

# What lets the runs of jobs act for their owners, until they end. Worth losing: such jobs fail, and are run again.
grants = Table(
    "grants",
    metadata,
    Column("job_id", Uuid, ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True),
    Column("content", Text, nullable=False),
)

# Who lets this server act for him while he is away. Worth losing: people allow it again.
offline_tokens = Table(
    "offline_tokens",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("content", Text, nullable=False),
)
