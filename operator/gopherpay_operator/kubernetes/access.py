"""Where the API server is and who we are there, for both of the clients that speak with it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import httpx2
import kopf
from lightkube import AsyncClient, KubeConfig
from lightkube.config.client_adapter import user_auth, verify_cluster
from lightkube.config.kubeconfig import SingleConfig
from lightkube.config.models import User
from lightkube.core.exceptions import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

REQUEST_SECONDS_MAX: Final = 30
IDLE_CONNECTIONS_MAX: Final = 10
FIELD_MANAGER: Final = "gopherpay-operator"
NOBODY: Final = User()
DEFAULT_KUBECONFIG: Final = "~/.kube/config"


class Answer(aiohttp.ClientResponse):
    """An answer that drops its connection at once when it is given up before its end.

    The other side of a watch goes on to speak, and TLS's farewell waits for it to listen: with
    one the connection would outlive the session that it belongs to, and even the loop.
    """

    def close(self) -> None:
        """Give up what has not come yet."""
        self._drop()
        super().close()

    def release(self) -> Any:  # noqa: ANN401 - aiohttp's
        """Give up what has not come yet; a whole answer has let go of its connection before."""
        self._drop()
        return super().release()

    def _drop(self) -> None:
        connection = self.connection
        if connection is not None and connection.transport is not None:
            connection.transport.abort()


class NoAccess(Exception):
    """There is nothing that says where the API server is; the message is a sentence."""


@dataclass(frozen=True, slots=True)
class Access:
    """A server and a credential, as a kubeconfig or the pod's service account has them."""

    config: SingleConfig

    @property
    def server(self) -> str:
        """Return the server's address."""
        return self.config.cluster.server

    def client(self) -> AsyncClient:
        """Return a client whose number of connections has no bound, for each watch holds one."""
        transport = httpx2.AsyncHTTPTransport(
            verify=verify_cluster(
                self.config.cluster,
                self.config.user or NOBODY,
                self.config.abs_file,
                trust_env=False,
            ),
            limits=httpx2.Limits(
                max_connections=None, max_keepalive_connections=IDLE_CONNECTIONS_MAX
            ),
            trust_env=False,
        )
        return AsyncClient(
            self.config,
            timeout=httpx2.Timeout(REQUEST_SECONDS_MAX),
            field_manager=FIELD_MANAGER,
            trust_env=False,
            transport=transport,
        )

    async def session(self, traces: Sequence[aiohttp.TraceConfig]) -> kopf.AiohttpSession:
        """Return what Kopf speaks with the server through; a new one reads the token anew."""
        context = verify_cluster(
            self.config.cluster, self.config.user or NOBODY, self.config.abs_file, trust_env=False
        )
        session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=context),
            headers=await self._headers(),
            trace_configs=list(traces),
            response_class=Answer,
        )
        return kopf.AiohttpSession(
            server=self.server,
            default_namespace=self.config.namespace,
            aiohttp_session=session,
        )

    async def _headers(self) -> dict[str, str]:
        """Return the header that lightkube would send."""
        auth = user_auth(self.config.user)
        if auth is None:
            return {}
        flow = auth.async_auth_flow(httpx2.Request("GET", self.server))
        try:
            request = await anext(flow)
        finally:
            await flow.aclose()
        return {"Authorization": request.headers["Authorization"]}


def find(kubeconfig: str | None, context: str | None) -> Access:
    """Return the access that *kubeconfig* gives, or that of the pod, or that of the user.

    Raises:
        NoAccess: If there is none, or the context is not in it.
    """
    try:
        return Access(_config(kubeconfig, context))
    except (ConfigError, OSError, KeyError, ValueError) as error:
        raise NoAccess(
            f"There is no way to an API server: {' '.join(str(error).split())}."
        ) from None


def _config(kubeconfig: str | None, context: str | None) -> SingleConfig:
    if kubeconfig is None and context is None and "KUBERNETES_SERVICE_HOST" in os.environ:
        return _of(KubeConfig.from_service_account())
    path = kubeconfig or os.environ.get("KUBECONFIG") or DEFAULT_KUBECONFIG
    return _of(KubeConfig.from_file(Path(path)), context)


def _of(known: KubeConfig, context: str | None = None) -> SingleConfig:
    found = known.get(context)
    if found is None:
        raise ConfigError("no context is chosen")
    return found._replace(user=found.user or NOBODY)
