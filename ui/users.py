"""Who may come in: a file of names and hashed passwords, and the proof of having logged in.

    python -m ui.users ada >> users     asks for a password and prints ada's line

A line is `name:scrypt:salt:hash`. This module knows nothing of HTTP.
"""

import getpass
import hashlib
import hmac
import secrets
import sys
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from pathlib import Path

from rag.data import FootnoteError

# 16 MiB and about 40 ms for each guess at a password.
COST = {"n": 2**14, "r": 8, "p": 1}
PROOF_LASTS = 7 * 24 * 3600  # seconds


class Users:
    """The people of a file, and proofs that they logged in which end with this process."""

    def __init__(self, lines: dict[str, str]):
        """`lines` are the names with what stands behind them in the file; see `read_users`."""
        self._lines = lines
        self._key = secrets.token_bytes(32)
        self._nobody = hashed(secrets.token_urlsafe())

    def knows(self, name: str, password: str) -> bool:
        """Whether it is that person's password; as slow for names that are not there."""
        line = self._lines.get(name, self._nobody)
        _, salt, _ = line.split(":")
        same = hmac.compare_digest(line, hashed(password, urlsafe_b64decode(salt)))
        return same and name in self._lines

    def proof(self, name: str) -> str:
        """What the browser shows from now on in place of the password."""
        until = str(int(time.time()) + PROOF_LASTS)
        encoded = urlsafe_b64encode(name.encode()).decode()
        return f"{encoded}.{until}.{self._signature(encoded, until)}"

    def shown(self, proof: str) -> str | None:
        """The name that the proof is good for; None where it is not."""
        encoded, _, rest = proof.partition(".")
        until, _, signature = rest.partition(".")
        if not hmac.compare_digest(signature.encode(), self._signature(encoded, until).encode()):
            return None
        return urlsafe_b64decode(encoded).decode() if time.time() < int(until) else None

    def _signature(self, encoded: str, until: str) -> str:
        return hmac.new(self._key, f"{encoded}.{until}".encode(), hashlib.sha256).hexdigest()


def hashed(password: str, salt: bytes | None = None) -> str:
    """The password as the file keeps it: scrypt:salt:hash."""
    salt = salt or secrets.token_bytes(16)
    key = hashlib.scrypt(password.encode(), salt=salt, **COST)
    return ":".join(["scrypt", *(urlsafe_b64encode(part).decode() for part in (salt, key))])


def read_users(path: Path) -> Users:
    """The people of the file.

    Raises FootnoteError if it cannot be read, a line is not of the form, or there is none.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise FootnoteError(f"cannot read users from {str(path)!r}: {error}") from error
    users = {}
    for number, line in enumerate(lines, 1):
        name, _, rest = line.strip().partition(":")
        if not line.strip():
            continue
        if not name or not _is_hash(rest):
            raise FootnoteError(
                f"{path}, line {number}: not name:scrypt:salt:hash; "
                f"'python -m ui.users NAME >> {path}' writes such a line"
            )
        users[name] = rest
    if not users:
        raise FootnoteError(f"{str(path)!r} names no user: 'python -m ui.users NAME >> {path}'")
    return Users(users)


def _is_hash(rest: str) -> bool:
    try:
        kind, salt, key = rest.split(":")
        return (
            kind == "scrypt" and len(urlsafe_b64decode(salt)) > 7 and bool(urlsafe_b64decode(key))
        )
    except ValueError:
        return False


def main(arguments: list[str]) -> None:
    """Asks for a password, or reads one from a pipe, and prints the line."""
    if len(arguments) != 1 or not arguments[0] or ":" in arguments[0]:
        raise SystemExit("usage: python -m ui.users NAME >> FILE   (a name has no colon)")
    if sys.stdin.isatty():
        password = getpass.getpass("Password: ", sys.stderr)
        if password != getpass.getpass("Again: ", sys.stderr):
            raise SystemExit("ui.users: the two passwords differ")
    else:
        password = sys.stdin.readline().rstrip("\n")
    if not password:
        raise SystemExit("ui.users: the password is empty")
    print(f"{arguments[0]}:{hashed(password)}")


if __name__ == "__main__":
    main(sys.argv[1:])
