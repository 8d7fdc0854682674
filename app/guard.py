"""What stands before gradio: requests that would have the server read or fetch what nobody uploaded are refused.

gradio 6.31 checks a file in a request only if the request marks it as one (`"meta": {"_type": ...}`): without that
mark, a picture input reads any path of the machine. And it fetches `http://` paths and `/gradio_api/file=http://`
itself, from any public host. Here everything called `path` must lie in the upload folder, however it is marked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from pathlib import Path
from typing import Any

MAX_BODY = 4 * 2**20
"""Bytes of a request that is no upload. The page's own have a few kB."""
CLOSED = re.compile(
    r"/(monitoring|gradio_api/(deep_link|process_recording|component_server|run-history|runs|vibe|undo-vibe|proxy=))"
)
"""Parts of gradio that this page does not use: recorders, editors, proxies, counters."""
FOREIGN = re.compile(r"/gradio_api/(stream/)?file[=/]\s*[a-z][a-z0-9+.-]*:", re.IGNORECASE)
UPLOAD = re.compile(r"/gradio_api/upload/?$")

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Guard:
    """ASGI middleware. uploads: the only folder of which a request may name files."""

    def __init__(self, app: Callable[[Scope, Receive, Send], Awaitable[None]], uploads: Path) -> None:
        self.app, self.uploads = app, uploads

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes the request on, or answers it with a status and one line."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif CLOSED.search(scope["path"]):
            await answer(send, 404, "not part of this page")
        elif FOREIGN.search(scope["path"]):
            await answer(send, 403, "only files of this page can be asked for, no addresses")
        elif scope["method"] != "POST" or UPLOAD.search(scope["path"]):
            await self.app(scope, receive, send)
        else:
            await self._posted(scope, receive, send)

    async def _posted(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        if body is None:
            await answer(
                send, 413, f"request too long: upload files first, send at most {MAX_BODY >> 20} MiB"
            )
            return
        try:
            paths = list(named(json.loads(body))) if body else []
        except (ValueError, RecursionError):
            await answer(send, 400, "not JSON")
            return
        for path in paths:
            if path is not None and not lies_in(path, self.uploads):
                await answer(send, 403, f"{shown(path)}: only files uploaded to this page can be used")
                return
        await self.app(scope, replay(body, receive), send)


def lies_in(path: object, folder: Path) -> bool:
    """Whether an absolute path lies in `folder`, symbolic links followed."""
    if not isinstance(path, str) or "\0" in path:
        return False
    folder = folder.resolve()
    try:
        found = Path(path).resolve()
    except (OSError, RuntimeError):  # too long; a loop of links
        return False
    return Path(path).is_absolute() and found != folder and found.is_relative_to(folder)


def named(value: object) -> Iterator[object]:
    """Everything that is called `path` in a JSON value, at any depth."""
    waiting = [value]
    while waiting:
        now = waiting.pop()
        if isinstance(now, dict):
            if "path" in now:
                yield now["path"]
            waiting.extend(now.values())
        elif isinstance(now, list):
            waiting.extend(now)


def shown(path: object) -> str:
    """The last part of what was sent: enough to recognise it, and nothing of this machine."""
    name = re.split(r"[/\\]", path)[-1] if isinstance(path, str) else type(path).__name__
    return "".join(c for c in name if c.isprintable())[:80] or "path"


async def read_body(receive: Receive) -> bytes | None:
    """The request's body; None if it is over `MAX_BODY` or the client left."""
    parts, size, more = [], 0, True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        more = message.get("more_body", False)
        if size > MAX_BODY:
            return None
    return b"".join(parts)


def replay(body: bytes, receive: Receive) -> Receive:
    """A `receive` that gives the body again, then what comes after it."""
    given = False

    async def again() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return again


async def answer(send: Send, status: int, text: str) -> None:
    """A whole response in gradio's form."""
    body = json.dumps({"detail": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
