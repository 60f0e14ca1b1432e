"""A provider in one file: it says the first category of every text, and is nowhere but here."""

from __future__ import annotations

from core.wires.providers import Provider
from core.wires.wire import Reply


class Parrot:
    """See core/label/teachers/wire.Wire."""

    async def ask(self, request):
        return Reply(text='{"category": "1"}', tokens_in=10, tokens_out=2, model="polly")

    async def close(self):
        pass


PROVIDER = Provider(
    name="A parrot",
    note="It repeats itself.",
    address="https://parrot.example.org",
    address_variable="PARROT_URL",
    key_variable="PARROT_API_KEY",
    wrapping_tokens=3,
    writes_cache=False,
    spoken_elsewhere=False,
    wire=lambda connection, secret: Parrot(),
)
