"""The frame of the HTTP face: strict reading, one order of checks, one home of status codes.

A route is a value; its endpoint gets a ``Call`` that passed every check, returns an ``Answer``
and raises the domain's errors::

    class NewKey(Body, frozen=True):
        name: Name
        scopes: list[str]

    class Keys:
        def __init__(self, identity: Identity) -> None: ...

        async def create(self, call: Call[NewKey, Query]) -> Answer:
            return created(await self._identity.create_key(call.principal, call.body.name, …))

    def routes(identity: Identity) -> list[Route]:
        keys = Keys(identity)
        return [
            Route(
                method="POST", path="/v1/api-keys", endpoint=keys.create, access=Session(),
                tag="API keys", summary="Make an API key", body=NewKey,
                answers={201: KeyObject}, problems=(ScopeBeyondRole,),
            ),
        ]

``Verbatim`` is the type of a text that is taken exactly as sent: a password.
"""
