"""What an error says, in words that may be published."""

from collections.abc import Iterator

from harness.model import HarnessError
from harness.shell import redact

#: Errors whose message is a sentence; of others, the kind is half of what they say.
_SENTENCES = (AssertionError, HarnessError)


def told(error: BaseException, *, sentences: tuple[type[BaseException], ...] = ()) -> str:
    """Return what an error says, in one paragraph; of several at once, what each says.

    ``sentences`` are further kinds whose message needs no name of the kind before it.
    """
    words = (_sentence(each, (*_SENTENCES, *sentences)) for each in _causes(error))
    return "; ".join(dict.fromkeys(words))


def _causes(error: BaseException) -> Iterator[BaseException]:
    if not isinstance(error, BaseExceptionGroup):
        yield error
        return
    for each in error.exceptions:
        yield from _causes(each)


def _sentence(error: BaseException, sentences: tuple[type[BaseException], ...]) -> str:
    text = redact(str(error)).strip()
    if isinstance(error, sentences):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
