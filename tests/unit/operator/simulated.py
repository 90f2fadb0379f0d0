"""A backend in memory for the properties of plans: it does what each step says, and no more."""

from dataclasses import replace

from gopherpay_operator.plans import database_actions as da
from gopherpay_operator.plans import role_actions as ra
from gopherpay_operator.plans import topic_actions as ta
from gopherpay_operator.plans.databases import fresh
from gopherpay_operator.plans.desired import PostgresDatabase
from gopherpay_operator.plans.observed import (
    ExtensionState,
    Place,
    Privilege,
    RoleState,
    SchemaState,
    SignInState,
    TopicState,
)
from gopherpay_operator.plans.topic_acls import CreateAcl, DeleteAcl


def carried_out(found, actions):
    """Return what becomes of *found* when *actions* are done in order."""
    for action in actions:
        found = DOES[type(action)](found, action)
    return found


def changed(found, **what):
    return replace(found, state=replace(found.state, **what))


def without(mapping, key):
    return {name: value for name, value in mapping.items() if name != key}


def create_topic(found, action):
    made = TopicState("made", action.partitions, action.replication_factor or 1, action.config)
    return replace(found, state=made, is_confirmed=False)


def set_topic_config(found, action):
    config = without(found.state.config, action.key)
    return changed(
        found, config=config if action.after is None else {**config, action.key: action.after}
    )


def create_database(found, action):
    made = fresh(PostgresDatabase(action.name, action.owner, action.encoding, action.locale))
    return replace(found, state=made, claim=action.claim)


def set_database_setting(found, action):
    settings = without(found.state.settings, action.key)
    return changed(
        found, settings=settings if action.after is None else {**settings, action.key: action.after}
    )


def put_schema(found, name, owner):
    return changed(found, schemas={**found.state.schemas, name: SchemaState(owner)})


def put_extension(found, name, **what):
    has = found.state.extensions.get(name, ExtensionState("1.0", "public"))
    return changed(found, extensions={**found.state.extensions, name: replace(has, **what)})


def create_extension(found, action):
    given = {"version": action.extension.version, "schema": action.extension.schema}
    return put_extension(
        found, action.extension.name, **{k: v for k, v in given.items() if v is not None}
    )


def create_role(found, action):
    return replace(found, state=RoleState(7, action.attributes), claim=action.claim)


def on_role(found, name, **what):
    """Change the role itself, or the one of that name that signs in for it."""
    sign_ins = found.state.sign_ins
    if name not in sign_ins:
        return changed(found, **what)
    return changed(found, sign_ins={**sign_ins, name: replace(sign_ins[name], **what)})


def create_sign_in(found, action):
    made = SignInState(8, action.attributes, is_member=True, acts_as=action.acts_as)
    return changed(found, sign_ins={**found.state.sign_ins, action.name: made})


def grant_membership(found, action):
    if action.name in found.state.sign_ins:
        return on_role(found, action.name, is_member=True)
    return changed(found, member_of=found.state.member_of | {action.of})


def drop_role(found, action):
    if action.name in found.state.sign_ins:
        return changed(found, sign_ins=without(found.state.sign_ins, action.name))
    return dropped(found, action)


def change_privileges(found, action):
    some = {
        Privilege(Place(action.database, action.kind, action.schema, name), right)
        for name in action.names or ("",)
        for right in action.rights
    }
    held = found.state.held
    return changed(found, held=held | some if action.is_grant else held - some)


def claimed(found, action):
    return replace(found, claim=action.claim, is_confirmed=found.state is not None)


def released(found, _):
    return replace(found, claim=None)


def dropped(found, _):
    return replace(found, state=None, claim=None)


DOES = {
    ta.ClaimTopic: claimed,
    ta.ReleaseTopic: released,
    ta.CreateTopic: create_topic,
    ta.AddPartitions: lambda found, a: changed(found, partitions=a.after),
    ta.SetTopicConfig: set_topic_config,
    ta.DeleteTopic: lambda found, _: replace(found, state=None),
    CreateAcl: lambda found, a: replace(found, acls=found.acls | {a.entry}),
    DeleteAcl: lambda found, a: replace(found, acls=found.acls - {a.entry}),
    da.ClaimDatabase: claimed,
    da.ReleaseDatabase: released,
    da.CreateDatabase: create_database,
    da.OpenDatabase: lambda found, _: changed(found, is_open=True),
    da.SetDatabaseOwner: lambda found, a: changed(found, owner=a.after),
    da.SetDatabaseConnectionLimit: lambda found, a: changed(found, connection_limit=a.after),
    da.SetDatabaseSetting: set_database_setting,
    da.RevokePublic: lambda found, _: changed(found, public_privileges=frozenset()),
    da.RevokePublicCreate: lambda found, _: changed(found, public_may_create=False),
    da.CreateSchema: lambda found, a: put_schema(found, a.schema, a.owner),
    da.SetSchemaOwner: lambda found, a: put_schema(found, a.schema, a.after),
    da.DropSchema: lambda found, a: changed(found, schemas=without(found.state.schemas, a.schema)),
    da.CreateExtension: create_extension,
    da.UpdateExtension: lambda found, a: put_extension(found, a.name, version=a.after),
    da.MoveExtension: lambda found, a: put_extension(found, a.name, schema=a.after),
    da.DropExtension: lambda found, a: changed(
        found, extensions=without(found.state.extensions, a.name)
    ),
    da.DropDatabase: dropped,
    ra.ClaimRole: claimed,
    ra.ReleaseRole: released,
    ra.CreateRole: create_role,
    ra.AlterRole: lambda found, a: on_role(found, a.name, attributes=a.after),
    ra.SetPassword: lambda found, a: on_role(found, a.name, verifier=a.verifier),
    ra.ClearPassword: lambda found, a: on_role(found, a.name, verifier=None),
    ra.CreateSignIn: create_sign_in,
    ra.TakeSignIn: lambda found, a: on_role(found, a.name, is_ours=True, is_unclaimed=False),
    ra.ActAs: lambda found, a: on_role(found, a.name, acts_as=a.acts_as),
    ra.GrantMembership: grant_membership,
    ra.RevokeMembership: lambda found, a: changed(found, member_of=found.state.member_of - {a.of}),
    ra.ChangePrivileges: change_privileges,
    ra.DropRole: drop_role,
}
