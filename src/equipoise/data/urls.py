"""Takes the URL of a database apart, and says it again without its password."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit, urlunsplit

from equipoise.data.schemas import SchemaChoice
from equipoise.errors import Fault, SourceError

_OURS = ("schema", "vocabulary_schema")


@dataclass(frozen=True, slots=True)
class Address:
    """A database URL in parts.

    `for_driver`  the URL without our own parameters; holds the password, so it goes to the driver and nowhere else
    `shown`       scheme, host, port and path only
    `path`        the path with %-escapes undone and the host in front, as file databases understand it
    """

    for_driver: str
    shown: str
    path: str
    choice: SchemaChoice

    @property
    def paths(self) -> tuple[Path, Path]:
        """Where a file may be: at the path, or at the path below the working folder."""
        return Path(self.path), Path(self.path.lstrip("/"))

    def fingerprint(self, snapshot: str | None) -> str | None:
        """A server's content has no cheap identity: only the user's label, with the address, can stand for it."""
        if snapshot is None:
            return None
        return hashlib.sha256(repr((self.shown, self.choice, snapshot)).encode()).hexdigest()

    def __repr__(self) -> str:
        return f"Address({self.shown})"


def address(url: str) -> Address:
    """Parses a URL such as `postgres://user:password@host:5432/database?schema=cdm&vocabulary_schema=vocabulary`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise SourceError(Fault("location of the data", "is not a URL", "scheme://host:port/database")) from None
    given = parse_qsl(parts.query, keep_blank_values=True)
    ours = {key: value for key, value in given if key in _OURS}
    rest = urlencode([(key, value) for key, value in given if key not in _OURS])
    shown = f"{parts.scheme}://{host}{'' if port is None else f':{port}'}{parts.path}"
    return Address(
        urlunsplit((parts.scheme, parts.netloc, parts.path, rest, "")),
        shown,
        unquote(parts.netloc + parts.path),
        SchemaChoice(ours.get("schema"), ours.get("vocabulary_schema")),
    )
