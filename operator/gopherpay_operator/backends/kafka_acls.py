"""The brokers' entries about who may use a topic, read and changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    ResourcePatternType,
    ResourceType,
)

from gopherpay_operator.backends.kafka_cluster import AUTHORIZER, settings_of
from gopherpay_operator.backends.ports import Forbidden
from gopherpay_operator.plans.topic_acls import AclEntry

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gopherpay_operator.backends.kafka_client import KafkaClient
    from gopherpay_operator.plans.desired import EventTopic

NAMED_MAX: Final = 10
"""Up to so many names are asked for one by one; of more, all entries are asked for at once."""

_READING: Final = "The access rules of the topics cannot be read"
_ON: Final[Mapping[Literal["topic", "group"], ResourceType]] = {
    "topic": ResourceType.TOPIC,
    "group": ResourceType.GROUP,
}
_PERMISSIONS: Final[Mapping[Literal["Allow", "Deny"], AclPermissionType]] = {
    "Allow": AclPermissionType.ALLOW,
    "Deny": AclPermissionType.DENY,
}


def entries(
    client: KafkaClient, wishes: Iterable[EventTopic]
) -> dict[str, frozenset[AclEntry] | None]:
    """Return by name the entries of those of *wishes* that say who may use them.

    They are the entries of the topic and of the consumer groups that the wish names; ``None`` when
    the cluster has no authorizer.

    Raises:
        Forbidden: If we may not read them, for which ``Describe`` on the cluster is needed.
        Unavailable: If the brokers do not answer.
    """
    asking = {each.name: _places(each) for each in wishes if each.acls is not None}
    if not asking:
        return {}
    places = sorted({place for all_of_one in asking.values() for place in all_of_one})
    found = _read(client, places)
    if found is None:
        return dict.fromkeys(asking)
    return {
        name: frozenset(each for each in found if (each.on, each.name) in its_places)
        for name, its_places in asking.items()
    }


def add(client: KafkaClient, entry: AclEntry, doing: str) -> None:
    """Add *entry* and wait until the broker that we ask shows it."""
    binding = AclBinding(*_parts(entry))
    asked = client.admin.create_acls([binding], request_timeout=client.answer_seconds)
    client.answer(asked[binding], doing)
    client.settle(lambda: _is_there(client, entry), doing)


def remove(client: KafkaClient, entry: AclEntry, doing: str) -> None:
    """Take *entry* away and wait until the broker that we ask does not show it any more."""
    exactly = AclBindingFilter(*_parts(entry))
    asked = client.admin.delete_acls([exactly], request_timeout=client.answer_seconds)
    client.answer(asked[exactly], doing)
    client.settle(lambda: not _is_there(client, entry), doing)


Place = tuple[Literal["topic", "group"], str]


def _places(wish: EventTopic) -> set[Place]:
    return {("topic", wish.name), *((each.on, each.name) for each in wish.acls or ())}


def _read(client: KafkaClient, places: Sequence[Place]) -> list[AclEntry] | None:
    """Return the entries for *places*; ``None`` when the cluster has no authorizer.

    librdkafka gives no entries, and no error, where it is told that there is no authorizer or that
    we may not ask. So when there are none we ask why.
    """
    found = _listed(client, places)
    return found if found or _may_ask(client) else None


def _listed(client: KafkaClient, places: Sequence[Place]) -> list[AclEntry]:
    if len(places) <= NAMED_MAX:
        filters = [_filter(on, name) for on, name in places]
    else:
        filters = [_filter(on, None) for on in sorted({on for on, _ in places})]
    asked = [
        client.admin.describe_acls(each, request_timeout=client.answer_seconds) for each in filters
    ]
    answers = [client.answer(each, _READING) for each in asked]
    return [_entry(each) for answer in answers for each in answer if _is_known(each)]


def _may_ask(client: KafkaClient) -> bool:
    """Tell whether there is an authorizer.

    Raises:
        Forbidden: If it does not let us read the entries.
    """
    asked = client.admin.describe_cluster(
        include_authorized_operations=True, request_timeout=client.answer_seconds
    )
    described = client.answer(asked, _READING)
    if AclOperation.DESCRIBE not in (described.authorized_operations or ()):
        raise Forbidden(f"{_READING}: our user needs the right Describe on the cluster.")
    settings = settings_of(client, described)
    return settings is None or bool(settings.get(AUTHORIZER))


def _is_there(client: KafkaClient, entry: AclEntry) -> bool:
    return entry in _listed(client, [(entry.on, entry.name)])


def _filter(on: Literal["topic", "group"], name: str | None) -> AclBindingFilter:
    anybody: Any = None  # as the documentation has it, unlike the declared types
    return AclBindingFilter(
        _ON[on],
        name or anybody,
        ResourcePatternType.LITERAL,
        anybody,
        anybody,
        AclOperation.ANY,
        AclPermissionType.ANY,
    )


def _parts(
    entry: AclEntry,
) -> tuple[ResourceType, str, ResourcePatternType, str, str, AclOperation, AclPermissionType]:
    return (
        _ON[entry.on],
        entry.name,
        ResourcePatternType.LITERAL,
        entry.principal,
        entry.host,
        _OPERATIONS[entry.operation],
        _PERMISSIONS[entry.permission],
    )


def _is_known(binding: Any) -> bool:  # noqa: ANN401 - its fields are declared wider than they are
    """Tell whether we know the entry's words; brokers of another age may have more."""
    return (
        binding.operation in _OPERATIONS.values()
        and binding.permission_type in _PERMISSIONS.values()
        and binding.restype in _ON.values()
    )


def _entry(binding: Any) -> AclEntry:  # noqa: ANN401 - see above
    return AclEntry(
        on="topic" if binding.restype is ResourceType.TOPIC else "group",
        name=binding.name,
        principal=binding.principal,
        operation=_in_words(binding.operation),
        permission="Allow" if binding.permission_type is AclPermissionType.ALLOW else "Deny",
        host=binding.host,
    )


def _in_words(operation: AclOperation) -> str:
    """Return ``DESCRIBE_CONFIGS`` as ``DescribeConfigs``."""
    return "".join(word.capitalize() for word in operation.name.split("_"))


_OPERATIONS: Final = {
    _in_words(each): each
    for each in AclOperation
    if each not in {AclOperation.UNKNOWN, AclOperation.ANY}
}
