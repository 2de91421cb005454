"""Looks at Pods and Events while something does not become ready. Who may not see them just learns less."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence

from faas.client.errors import ApiError, Forbidden, NotFound
from faas.client.protocol import Client, Object
from faas.deploy.reasons.lasting import Lasting
from faas.deploy.reasons.revision import trouble_of
from faas.deploy.reasons.trouble import Trouble
from faas.resources import keys
from faas.resources.kinds import EVENT, POD, Kind

_FIRST_S, _MOST_S = 2.0, 15.0  # most revisions are ready before anybody looks


class Troubles:
    """Two requests for each look, however many Services are waited for."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client, self._namespace = client, namespace
        self._hidden: set[Kind] = set()  # what this user may not see, asked once

    async def look(self, revisions: Mapping[str, str]) -> dict[str, Trouble]:
        """What keeps each from being ready, where something says it. Args: revisions: by the names of Services."""
        if not revisions:
            return {}
        names = ",".join(sorted(set(revisions.values())))
        pods = await self._list(POD, label_selector=f"{keys.REVISION_LABEL} in ({names})")
        warnings = await self._list(EVENT, field_selector="type=Warning")
        found = {}
        for service, revision in revisions.items():
            own = [pod for pod in pods if (pod["metadata"].get("labels") or {}).get(keys.REVISION_LABEL) == revision]
            if trouble := trouble_of(own, warnings, revision):
                found[service] = trouble
        return found

    async def tell(
        self,
        waiting: Callable[[], Mapping[str, str]],
        say: Callable[[str, Trouble], None],
        *,
        first_s: float = _FIRST_S,
    ) -> dict[str, Trouble]:
        """Look again and again, ever more seldom, and say what is new.

        Ends when none of those that are waited for will come by itself: what is the matter with each of them.

        Args: waiting: the newest revisions of those Services of which nobody knows yet what becomes of them.
        """
        said: dict[str, str] = {}
        lasting = Lasting()
        pause_s = first_s
        while True:
            await asyncio.sleep(pause_s * random.uniform(0.8, 1.2))  # many deploys may wait for one cluster
            pause_s = min(pause_s * 1.5, _MOST_S)
            found = await self.look(waiting())
            now_s = asyncio.get_running_loop().time()
            given_up = lasting.note(found, now_s)
            for service, trouble in found.items():
                is_told = said.get(service) == str(trouble)  # ErrImagePull and ImagePullBackOff take turns
                if not is_told and lasting.is_news(service, trouble, now_s):
                    said[service] = str(trouble)
                    say(service, trouble)
            if given_up and waiting().keys() <= given_up.keys():
                return given_up

    async def _list(self, kind: Kind, **selectors: str) -> Sequence[Object]:
        if kind in self._hidden:
            return ()
        try:
            return (await self._client.list(kind, self._namespace, **selectors)).items
        except (Forbidden, NotFound):
            self._hidden.add(kind)
        except ApiError:
            pass  # the next look may have more luck; the deploy itself says when a server is gone for good
        return ()
