"""Lectures: what a lecturer's page shows, kept under a name that others follow. Nothing is computed for them here."""

import hmac
import secrets
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

LIFE = 3 * 3600.0  # seconds without news, after which a lecture is over
MOST = 256  # lectures at a time
LONGEST = 4000  # characters of a link
LETTERS = "bcdfghjkmnpqrstvwxz23456789"  # no words, and none that look alike


@dataclass(frozen=True)
class Lead:
    """The lecturer's side of a lecture: whoever has it decides what others see."""

    name: str
    secret: str = field(repr=False)


@dataclass
class _Lecture:
    """What others see, and, while that is frozen, what the lecturer has by now."""

    secret: str
    link: str
    latest: str
    at: float
    number: int = 1
    frozen: bool = False


class Lectures:
    """All lectures of a server. Any thread may ask; ``now`` is a clock in seconds."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """None yet."""
        self._now = now
        self._lock = threading.Lock()
        self._all: dict[str, _Lecture] = {}

    def begin(self, link: str) -> Lead:
        """A new lecture that shows a link; ValueError, one sentence, where there are too many."""
        with self._lock:
            self._forget()
            if len(self._all) >= MOST:
                raise ValueError(f"this server has {MOST} lectures at a time, and they are all taken")
            while (name := "".join(secrets.choice(LETTERS) for _ in range(8))) in self._all:
                pass
            lead = Lead(name, secrets.token_urlsafe(16))
            self._all[name] = _Lecture(lead.secret, link[:LONGEST], link[:LONGEST], self._now())
            return lead

    def tell(self, lead: Lead, link: str) -> bool:
        """The lecturer shows this now; whether the lecture is still there. What is too long is not told."""
        with self._lock:
            found = self._led(lead)
            if found and len(link) <= LONGEST:
                found.latest, found.at = link, self._now()
                self._show(found)
            return found is not None

    def freeze(self, lead: Lead, frozen: bool) -> None:
        """Whether others go on seeing what they see, whatever the lecturer turns."""
        with self._lock:
            if found := self._led(lead):
                found.frozen, found.at = frozen, self._now()
                self._show(found)

    def frozen(self, lead: Lead) -> bool:
        """Whether it is frozen."""
        with self._lock:
            found = self._led(lead)
            return found is not None and found.frozen

    def end(self, lead: Lead) -> None:
        """The lecture is over."""
        with self._lock:
            if self._led(lead):
                del self._all[lead.name]

    def shown(self, name: str) -> tuple[int, str] | None:
        """The number of what is shown in a lecture, and its link; None where there is no such lecture."""
        with self._lock:
            self._forget()
            found = self._all.get(name)
            return (found.number, found.link) if found else None

    def _led(self, lead: Lead) -> _Lecture | None:
        self._forget()
        found = self._all.get(lead.name)
        return found if found and hmac.compare_digest(found.secret, lead.secret) else None

    def _show(self, found: _Lecture) -> None:
        if not found.frozen and found.link != found.latest:
            found.link, found.number = found.latest, found.number + 1

    def _forget(self) -> None:
        end = self._now() - LIFE
        for name in [name for name, lecture in self._all.items() if lecture.at < end]:
            del self._all[name]


LECTURES = Lectures()
