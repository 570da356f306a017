"""Feed of another service over RPC: the second way to pull, for when its internal API cannot be reached by HTTP."""

import msgspec

from shared.contracts.errors import ServiceError
from shared.eventsourcing.event_store import Head
from shared.messaging.accounts.rules import ALL_BELIEVED, Accounts
from shared.messaging.rpc.call import CallFailed, call
from shared.replication.feed import Acknowledgement, FeedPage, FeedUnavailable
from shared.replication.heads.held_heads import HeldHead
from shared.replication.proof.signatures import Verifier
from shared.replication.proof.signed_pages import Question, SignedPage, new_nonce, question, require_proof

PULL_SECONDS_MAX = 0.5


class RpcFeed:
    def __init__(
        self,
        amqp_uri: str,
        service: str,
        verifier: Verifier | None = None,
        accounts: Accounts = ALL_BELIEVED,
    ) -> None:
        """`verifier`: whose answers count; None: anybody's."""
        self._amqp_uri, self._service = amqp_uri, feed_service(service)
        self._verifier, self._accounts = verifier, accounts

    def pull(
        self, after: Head | None, acknowledgement: Acknowledgement | None = None, held: HeldHead | None = None
    ) -> FeedPage:
        given = [msgspec.to_builtins(after), msgspec.to_builtins(acknowledgement)]
        more = [] if held is None else [_said(held)]  # keys of an older release takes no more
        try:
            if self._verifier is None:
                return msgspec.convert(self._call(*given, *([None, *more] if more else [])), type=FeedPage)
            asked = question(new_nonce(), after, acknowledgement)
            return _proved(self._verifier, asked, self._call(*given, asked.nonce, *more))
        except (CallFailed, ServiceError, msgspec.DecodeError) as error:
            raise FeedUnavailable(str(error)) from error

    def _call(self, *arguments: object) -> object:
        return call(
            self._amqp_uri,
            self._service,
            "pull",
            *arguments,
            seconds_max=PULL_SECONDS_MAX,
            accounts=self._accounts,
        )


def _proved(verifier: Verifier, asked: Question, answer: object) -> FeedPage:
    """Raises FeedUnavailable or msgspec.DecodeError."""
    signed = msgspec.convert(answer, type=SignedPage)
    page = signed.page.encode()
    require_proof(verifier, asked, page, signed.signature)
    return msgspec.json.decode(page, type=FeedPage)


def _said(held: HeldHead) -> dict[str, object]:
    """Without what it has not to say, which keys of an older release does not know."""
    said: dict[str, object] = msgspec.to_builtins(held)
    return {name: value for name, value in said.items() if name != "lost" or value is not None}


def feed_service(service: str) -> str:
    """The nameko service of a service's feed: one of its own, so that slow calls never keep a pull waiting."""
    return f"{service}.feed"
