"""What an error says, in words that may be published."""

from harness.model import HarnessError
from harness.shell import redact

#: Errors whose message is a sentence; of others, the kind is half of what they say.
_SENTENCES = (AssertionError, HarnessError)


def told(error: BaseException, *, sentences: tuple[type[BaseException], ...] = ()) -> str:
    """Return what an error says, in one paragraph; of several at once, what each says.

    ``sentences`` are further kinds whose message needs no name of the kind before it.
    """
    if isinstance(error, BaseExceptionGroup):
        return "; ".join(
            dict.fromkeys(told(each, sentences=sentences) for each in error.exceptions)
        )
    text = redact(str(error)).strip()
    if isinstance(error, (*_SENTENCES, *sentences)):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
