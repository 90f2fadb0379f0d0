"""Resources, backends and policies of every kind, for the properties of plans."""

from dataclasses import replace

from hypothesis import strategies as st

from gopherpay_operator.plans.desired import (
    Attributes,
    DataLossGuard,
    EventTopic,
    Extension,
    ObjectGrant,
    Password,
    PostgresDatabase,
    PostgresRole,
    Profile,
    ProfileGrant,
    Schema,
    SignIn,
)
from gopherpay_operator.plans.observed import (
    DatabaseState,
    ExtensionState,
    Found,
    Kind,
    Place,
    Privilege,
    RoleState,
    SchemaState,
    SignInState,
    Surroundings,
    TopicState,
)
from gopherpay_operator.plans.policy import Adoption, Deletion, Drift, Policy
from gopherpay_operator.plans.rotation import sign_in_names
from gopherpay_operator.plans.topic_acls import AclEntry

OURS, THEIRS = "here/pay/it", "there/pay/it"
CLAIMS = st.sampled_from([OURS, THEIRS, None])
NAMES = st.sampled_from(["ledger"] * 8 + ["postgres", "__offsets"])
POLICIES = st.builds(
    Policy,
    claim=st.just(OURS),
    deletion=st.sampled_from(Deletion),
    adoption=st.sampled_from(Adoption),
    drift=st.sampled_from(Drift),
    suspended=st.booleans(),
    is_deleting=st.booleans(),
    allow_destroy=st.sampled_from([None, "ledger", "other"]),
    spec_is_applied=st.booleans(),
)

KEYS = st.sampled_from(["retention.ms", "retention.bytes", "segment.bytes"])
AMOUNTS = st.sampled_from(["-1", "1000", "86400000", "604800000"])
WAYS = st.sampled_from(["delete", "compact", "compact,delete"])
CONFIGS = st.dictionaries(KEYS, AMOUNTS) | st.fixed_dictionaries({"cleanup.policy": WAYS})
ENTRIES = st.frozensets(
    st.builds(
        AclEntry,
        on=st.sampled_from(["topic", "group"]),
        name=st.just("ledger"),
        principal=st.sampled_from(["User:ann", "User:bob"]),
        operation=st.sampled_from(["Read", "Write"]),
        permission=st.sampled_from(["Allow", "Deny"]),
    )
)
TOPICS = st.tuples(
    st.builds(
        EventTopic,
        name=NAMES,
        partitions=st.integers(1, 4),
        replication_factor=st.none() | st.integers(1, 2),
        config=st.dictionaries(KEYS, AMOUNTS | st.none())
        | st.fixed_dictionaries({"cleanup.policy": WAYS | st.none()}),
        keyed=st.booleans(),
        allow_partition_increase=st.none() | st.booleans(),
        data_loss_guard=st.sampled_from(DataLossGuard),
        config_allowed=st.none() | st.just(frozenset({"retention.ms"})),
        partitions_max=st.none() | st.just(3),
        topics_left=st.none() | st.integers(0, 1),
        acls=st.none() | ENTRIES,
    ),
    st.builds(
        Found,
        st.none()
        | st.builds(
            TopicState,
            topic_id=st.just("id"),
            partitions=st.integers(1, 4),
            replication_factor=st.integers(1, 2),
            config=CONFIGS,
            defaults=st.just({"retention.ms": "604800000", "retention.bytes": "-1"}),
            records=st.none() | st.integers(0, 1),
            unread=st.none() | st.integers(0, 1),
        ),
        CLAIMS,
        st.booleans(),
        acls=st.none() | ENTRIES,
    ),
)

ROLES = st.sampled_from(["app", "owner"])
SCHEMAS = st.sampled_from(["public", "audit"])
EXTENSIONS = st.sampled_from(["pg_trgm", "hstore"])
DATABASE_STATES = st.builds(
    DatabaseState,
    oid=st.just(5),
    owner=ROLES,
    encoding=st.sampled_from(["UTF8", "LATIN1"]),
    locale=st.sampled_from(["C", "en_US.utf8"]),
    connection_limit=st.integers(-1, 1),
    is_open=st.booleans(),
    public_privileges=st.sampled_from([frozenset(), frozenset({"CONNECT"})]),
    public_may_create=st.booleans(),
    settings=st.dictionaries(st.just("work_mem"), st.sampled_from(["4MB", "8MB"])),
    schemas=st.dictionaries(SCHEMAS, st.builds(SchemaState, ROLES, st.integers(0, 1))),
    extensions=st.dictionaries(
        EXTENSIONS, st.builds(ExtensionState, st.sampled_from(["1.0", "1.1"]), SCHEMAS)
    ),
    sessions=st.integers(0, 1),
)
DATABASES = st.tuples(
    st.builds(
        PostgresDatabase,
        name=NAMES,
        owner=ROLES,
        encoding=st.sampled_from(["UTF-8", None]),
        locale=st.sampled_from(["C", None]),
        schemas=st.lists(
            st.builds(Schema, SCHEMAS, st.none() | ROLES, st.booleans()),
            unique_by=lambda each: each.name,
        ).map(tuple),
        extensions=st.lists(
            st.builds(
                Extension,
                EXTENSIONS,
                st.sampled_from([None, "1.1"]),
                st.none() | SCHEMAS,
                st.booleans(),
            ),
            unique_by=lambda each: each.name,
        ).map(tuple),
        connection_limit=st.integers(-1, 1),
        settings=st.dictionaries(st.just("work_mem"), st.sampled_from(["4MB", None])),
        revoke_public=st.booleans(),
        drop_with_force=st.booleans(),
        name_prefix=st.sampled_from(["", "l"] * 4 + ["x"]),
    ),
    # What is not there has no comment in which anybody could have claimed it.
    st.builds(Found, DATABASE_STATES, CLAIMS) | st.just(Found()),
)

PASSWORD = "correct-horse"
SALT = b"0123456789abcdef"
PASSWORDS = st.none() | st.builds(Password, st.just(PASSWORD), st.just(SALT), is_next=st.booleans())
RELATIONS = [
    Place("pay", Kind.DATABASE),
    Place("pay", Kind.SCHEMA, "public"),
    Place("pay", Kind.TABLE, "public", "outbox"),
    Place("pay", Kind.TABLE, "public", "accounts"),
    Place("pay", Kind.SEQUENCE, "public", "outbox_seq"),
]
AROUND = st.builds(Surroundings, st.dictionaries(st.sampled_from(RELATIONS), ROLES))
GRANTS = st.builds(
    ProfileGrant, st.just("pay"), st.sampled_from(Profile), creators=st.frozensets(ROLES)
) | st.builds(
    ObjectGrant,
    st.just("pay"),
    st.sampled_from(["table", "sequence", "schema", "database"]),
    st.just(frozenset({"SELECT"})),
    names=st.frozensets(st.sampled_from(["accounts", "outbox_seq", "gone"])),
)


def as_one_owner(found):
    """Return *found* with nothing of ours that signs in for a role that is not ours."""
    if found.claim == OURS:
        return found
    others = {name: replace(each, is_ours=False) for name, each in found.state.sign_ins.items()}
    return replace(found, state=replace(found.state, sign_ins=others))


SIGN_IN_STATES = st.builds(
    SignInState,
    oid=st.just(8),
    attributes=st.builds(Attributes, login=st.booleans()),
    is_ours=st.booleans(),
    is_unclaimed=st.booleans(),
    is_member=st.booleans(),
    acts_as=st.sampled_from([None, "ledger", "other"]),
    verifier=st.none() | st.just("md5-of-old"),
    sessions=st.integers(0, 1),
    owned_objects=st.sampled_from([0] * 8 + [1]),
)
ROLE_STATES = st.builds(
    RoleState,
    oid=st.just(6),
    attributes=st.builds(Attributes, login=st.booleans()),
    is_superuser=st.sampled_from([False] * 8 + [True]),
    member_of=st.frozensets(st.sampled_from(["reader", "writer"])),
    held=st.frozensets(
        st.builds(Privilege, st.sampled_from(RELATIONS), st.sampled_from(["SELECT", "DELETE"]))
    ),
    verifier=st.none() | st.just("md5-of-old"),
    verifier_is_readable=st.just(value=True),
    owned_objects=st.integers(0, 1),
    sessions=st.integers(0, 1),
    sign_ins=st.dictionaries(st.sampled_from(sign_in_names("ledger")), SIGN_IN_STATES),
)
ALL_ROLES = st.tuples(
    st.builds(
        PostgresRole,
        name=st.sampled_from(["ledger"] * 8 + ["app", "pg_monitor"]),
        attributes=st.builds(Attributes, login=st.booleans()),
        member_of=st.frozensets(st.sampled_from(["reader", "writer"])),
        grants=st.lists(GRANTS, max_size=3).map(tuple),
        password=PASSWORDS,
        sign_ins=st.sampled_from([(), sign_in_names("ledger")]).flatmap(
            lambda names: st.tuples(
                *(st.builds(SignIn, st.just(each), PASSWORDS) for each in names)
            )
        ),
    ),
    st.builds(Found, ROLE_STATES, CLAIMS, around=AROUND).map(as_one_owner)
    | st.builds(Found, around=AROUND),
)
EVERYTHING = TOPICS | DATABASES | ALL_ROLES
