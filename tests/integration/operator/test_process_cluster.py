"""What the operator reads and writes in a cluster, by the server's own answers."""

from __future__ import annotations

import base64

import pytest

from gopherpay_operator.engine.ports import (
    ClusterConflict,
    ClusterForbidden,
    ClusterUnavailable,
    Happening,
)
from gopherpay_operator.kubernetes import access, objects
from gopherpay_operator.kubernetes.cache import Cache
from gopherpay_operator.kubernetes.cluster import KubernetesCluster
from gopherpay_operator.kubernetes.writing import KubernetesStatusWriter
from gopherpay_operator.resources.policies import FINALIZER
from tests.integration.operator.resources import address, create

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("operator")]

JOB = {
    "apiVersion": "batch/v1",
    "kind": "Job",
    "metadata": {"name": "migration"},
    "spec": {
        "template": {
            "spec": {
                "restartPolicy": "Never",
                "containers": [{"name": "migration", "image": "example.com/migration"}],
            }
        }
    },
}


class Place:
    """A namespace and the operator's hands in it."""

    def __init__(self, administrator, namespace, client, samples):
        self.administrator = administrator
        self.namespace = namespace
        self.cache = Cache(None)
        self.cluster = KubernetesCluster(client, self.cache)
        self.writer = KubernetesStatusWriter(client, self.cache, "test")
        self._samples = samples

    def make(self, kind="NovuTopic", name=None):
        """Return a new resource as the engine has it."""
        sample = self._samples[kind]
        if name is not None:
            sample = {**sample, "metadata": {**sample["metadata"], "name": name}}
        answer = create(self.administrator, self.namespace, sample)
        assert answer.status_code == 201, answer.text
        self.cache.see(kind, answer.json())
        return objects.resource(kind, answer.json())

    def get(self, path):
        """Return an object of the namespace."""
        return self.administrator.get(f"/api/v1/namespaces/{self.namespace}/{path}").json()

    def read(self, resource):
        """Return the resource as the server has it."""
        return self.administrator.get(address(*resource.key)).json()


@pytest.fixture
async def place(cluster, namespace, samples, kubeconfig):
    client = access.find(str(kubeconfig), None).client()
    yield Place(cluster, namespace, client, samples)
    await client.close()


async def test_a_secret_is_written_for_its_owner(place):
    # given
    owner = place.make()

    # when
    await place.cluster.write_secret(owner, "login", {"password": "hünter2"}, {"a": "b"})

    # then
    found = place.get("secrets/login")
    assert base64.b64decode(found["data"]["password"]).decode() == "hünter2"
    assert found["metadata"]["ownerReferences"][0]["uid"] == owner.uid
    assert found["metadata"]["labels"] == {
        "a": "b",
        "app.kubernetes.io/managed-by": "gopherpay-operator",
    }
    read = await place.cluster.secret(place.namespace, "login")
    assert read.data == {"password": "hünter2".encode()}
    assert read.owner_uid == owner.uid


async def test_the_same_secret_is_not_written_again(place):
    # given
    owner = place.make()
    await place.cluster.write_secret(owner, "login", {"password": "x"}, {})
    before = place.get("secrets/login")

    # when
    await place.cluster.write_secret(owner, "login", {"password": "x"}, {})

    # then
    assert place.get("secrets/login") == before


async def test_a_secret_is_replaced_whole(place):
    # given
    owner = place.make()
    await place.cluster.write_secret(owner, "login", {"password": "x", "old": "y"}, {})

    # when
    await place.cluster.write_secret(owner, "login", {"password": "z"}, {})

    # then
    assert (await place.cluster.secret(place.namespace, "login")).data == {"password": b"z"}


async def test_a_secret_of_somebody_else_is_left_alone(place):
    # given
    owner, other = place.make(), place.make(name="other")
    place.administrator.post(
        f"/api/v1/namespaces/{place.namespace}/secrets",
        json={"metadata": {"name": "theirs"}, "stringData": {"password": "theirs"}},
    )
    await place.cluster.write_secret(other, "others", {"password": "others"}, {})

    # when
    for name in ("theirs", "others"):
        with pytest.raises(ClusterConflict) as caught:
            await place.cluster.write_secret(owner, name, {"password": "ours"}, {})

        # then
        assert "ours" not in str(caught.value)
        found = await place.cluster.secret(place.namespace, name)
        assert found.data == {"password": name.encode()}


async def test_what_is_not_there_is_none(place):
    # given
    name = "nothing"

    # when, then
    assert await place.cluster.secret(place.namespace, name) is None
    assert await place.cluster.config_map(place.namespace, name) is None
    assert await place.cluster.job(place.namespace, name) is None
    assert await place.cluster.namespace_labels(name) is None
    assert await place.cluster.foreign("example.com/v1", "Backup", place.namespace, name) is None


async def test_any_other_object_can_be_read(place):
    # given
    labels = await place.cluster.namespace_labels(place.namespace)

    # when
    found = await place.cluster.foreign("v1", "ServiceAccount", place.namespace, "nothing")

    # then
    assert labels == {"kubernetes.io/metadata.name": place.namespace}
    assert found is None


async def test_a_job_is_made_once(place):
    # given
    owner = place.make()
    await place.cluster.make_job(owner, JOB)
    before = await place.cluster.job(place.namespace, "migration")

    # when
    await place.cluster.make_job(owner, JOB)

    # then
    assert await place.cluster.job(place.namespace, "migration") == before
    with pytest.raises(ClusterConflict):
        await place.cluster.make_job(place.make(name="other"), JOB)


async def test_what_the_server_refuses_is_for_a_person_to_mend(place):
    # given
    owner = place.make()

    # when, then
    with pytest.raises(ClusterForbidden, match="containers"):
        await place.cluster.make_job(owner, {**JOB, "spec": {"template": {"spec": {}}}})


async def test_a_server_that_is_away_is_unavailable(place, api_server, tmp_path):
    # given
    path = tmp_path / "kubeconfig"
    text = place.administrator and api_server.kubeconfig().read_text()
    path.write_text(text.replace(api_server.url, "https://127.0.0.1:1"))
    client = access.find(str(path), None).client()

    # when, then
    with pytest.raises(ClusterUnavailable):
        await KubernetesCluster(client, Cache(None)).secret("default", "any")
    await client.close()


async def test_a_status_is_written_and_known_at_once(place):
    # given
    resource = place.make()

    # when
    await place.writer.write_status(resource, {"observedGeneration": 7})

    # then
    assert place.read(resource)["status"] == {"observedGeneration": 7}
    assert place.cache.resource(resource.key).status == {"observedGeneration": 7}
    assert place.read(resource)["metadata"]["generation"] == 1


async def test_what_is_left_out_of_a_status_goes(place):
    # given
    resource = place.make()
    await place.writer.write_status(resource, {"observedGeneration": 7, "externalId": "x"})

    # when
    await place.writer.write_status(resource, {"observedGeneration": 7})

    # then
    assert place.read(resource)["status"] == {"observedGeneration": 7}


async def test_the_status_of_another_of_the_same_name_is_not_written(place):
    # given
    first = place.make()
    place.administrator.delete(address(*first.key))
    second = place.make()

    # when
    with pytest.raises(ClusterConflict):
        await place.writer.write_status(first, {"observedGeneration": 7})

    # then
    assert "status" not in place.read(second)


async def test_the_finalizers_of_others_stay(place):
    # given
    resource = place.make()
    place.administrator.patch(
        address(*resource.key),
        headers={"Content-Type": "application/merge-patch+json"},
        json={"metadata": {"finalizers": ["example.com/theirs"]}},
    )

    # when
    for _ in range(2):
        await place.writer.set_finalizer(resource, is_held=True)
    held = place.read(resource)["metadata"]["finalizers"]
    for _ in range(2):
        await place.writer.set_finalizer(resource, is_held=False)

    # then
    assert held == ["example.com/theirs", FINALIZER]
    assert place.read(resource)["metadata"]["finalizers"] == ["example.com/theirs"]


async def test_a_resource_goes_when_its_last_finalizer_is_taken(place):
    # given
    resource = place.make()
    await place.writer.set_finalizer(resource, is_held=True)
    place.administrator.delete(address(*resource.key))

    # when
    await place.writer.set_finalizer(resource, is_held=False)

    # then
    assert place.administrator.get(address(*resource.key)).status_code == 404
    assert place.cache.resource(resource.key) is None


async def test_an_event_that_is_posted_again_is_there_once(place):
    """A process that was killed before it wrote the status says the same again."""
    # given
    resource = place.make()
    happening = Happening("Created", "The topic was created.")

    # when
    for _ in range(2):
        await place.writer.post_event(resource, happening)

    # then
    [event] = place.get("events")["items"]
    assert (event["reason"], event["type"]) == ("Created", "Normal")
    assert event["involvedObject"]["uid"] == resource.uid


async def test_an_event_that_cannot_be_posted_hinders_nothing(place):
    # given
    resource = place.make()
    longest = Happening("Created", "x" * 5_000, is_warning=True)

    # when
    await place.writer.post_event(resource, longest)

    # then
    [event] = place.get("events")["items"]
    assert len(event["message"]) == 1_024
