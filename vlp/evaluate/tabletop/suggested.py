"""Suggestions for refused sentences, and an independent checker of whether one is against its sentence.

The checker shares no code with the parser or the suggestions: it finds words in both by plain look-up, and is
stricter than it need be. Against a sentence is a suggestion for one that forbids, excepts or sets a
condition, unless it moves nothing that is named behind the word that does so; one that goes elsewhere than
was said, or does the contrary; and one that moves blocks that were not named.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tasks.domain import AmbiguousInstruction, UnknownInstruction
from tasks.tabletop.goals.goal import understand
from vlp.bench.stats import share

Blocks = Mapping[str, NDArray[np.float64]]
_NEGATES: Final = (
    r"\b(?:not|never|without|except\w*|exclud\w*|but|minus|sparing|ignor\w*|skip\w*|save|sav(?:e|ing) for"
    r"|leav\w* out|forget\w*|avoid\w*|refrain\w*|stop\w*|prevent\w*|forbid\w*|forbidden|bar|bans?|banned"
    r"|neither|nor|none|no|nothing|undo|ungroup|hate\w*|other than|apart from|rather than|instead of"
    r"|from being|stays? put|nobody|nowhere|only|solely|just|lest|quit|cease)\b"
    r"|\b(?:do|does|is|are|must|should|can|could|wo|would|was|were|need|ought)n'?t\b"
)
"""What forbids, excepts or undoes."""
_CONDITION: Final = (
    r"\b(?:if|unless|when\w*|whenever|once|until|till|before|after|while|as long as|in case|should|assuming"
    r"|provided|every \w+ (?:seconds?|minutes?)|either|maybe|perhaps|possibly)\b"
)
_STRANGE: Final = (
    r"\b(?:orange|purple|pink|black|white|brown|gr[ae]y|cyan|magenta|golden|silver|hexagons?|spheres?|balls?"
    r"|prisms?|triangular|largest|smallest|biggest|tallest|heaviest|leftmost|rightmost|nearest|farthest"
    r"|topmost|same|opposite)\b"
)
"""Words that pick blocks which nothing here can pick out."""
_FEWER: Final = (
    r"\b(?:half|most|few|fewer|couple|some|several|many|one|two|three|four|five|six|seven|eight|nine|ten|it"
    r"|this|that|a (?:red|blue|green|yellow)?\s*(?:block|moon|cube|star|pentagon)|third|quarter|any)\b"
)
"""Words that mean so many blocks, or one, of those that are there."""
_COLORS: Final = ("red", "blue", "green", "yellow")
_SHAPES: Final = ("moon", "cube", "star", "pentagon")
_PLACES: Final = {
    "left": "left", "leftmost": "left", "right": "right", "rightmost": "right", "top": "top", "up": "top",
    "above": "top", "upper": "top", "bottom": "bottom", "down": "bottom", "below": "bottom",
    "lower": "bottom", "center": "center", "centre": "center", "middle": "center",
}  # fmt: skip
_ASUNDER: Final = (
    r"\b(?:apart|away|separat\w*|spread\w*|scatter\w*|break\w*|untangle\w*|farther|ungroup\w*)\b"
)
_JOINED: Final = r"\b(?:gather\w*|together|next to|group\w*|join\w*|touch\w*|line up|circle|heap|stack)\b"
_EMPTIED: Final = r"\b(?:clear\w*|empty|out of|off)\b"


def offered(say: str, blocks: Blocks) -> list[str] | None:
    """What an operator is offered for a sentence that is not understood; None where it is, or asks back, or
    can't come true."""
    try:
        understand(say, blocks)
    except AmbiguousInstruction:
        return None
    except UnknownInstruction as error:
        found = re.search(r"did you mean: (.*)\?$", str(error), re.DOTALL)
        return found[1].split("; ") if found else []
    except ValueError:
        return None
    return None


def accepted(offer: str, blocks: Blocks) -> bool:
    """Whether a suggestion is understood, in one meaning."""
    try:
        understand(offer, blocks)
    except ValueError:
        return False
    return True


def named(text: str, blocks: Blocks) -> set[str]:
    """The blocks of a table that a text may name."""
    found: set[str] = set()
    words = re.findall(r"[a-z]+", text.lower())
    for k, word in enumerate(words):
        one, after = word.removesuffix("s"), words[k + 1].removesuffix("s") if k + 1 < len(words) else ""
        if one in _COLORS:
            pair = f"{one}_{after}"
            found |= {pair} & set(blocks) if after in _SHAPES else {n for n in blocks if n.startswith(one)}
        elif one in _SHAPES and (k == 0 or words[k - 1].removesuffix("s") not in _COLORS):
            found |= {n for n in blocks if n.endswith(one)}
    return found


def moved(offer: str, blocks: Blocks) -> set[str]:
    """The blocks that a suggestion moves: those before a word of where to; all, where none is named there."""
    subject = re.split(r"\b(?:to the (?:left|right|top|bottom) of|next to|to|on|into|in|around)\b", offer)[0]
    swapped = offer if offer.startswith("swap") else subject
    return named(swapped, blocks) or set(blocks)


def against(say: str, offer: str, blocks: Blocks) -> str:
    """Why a suggestion is against its sentence; empty where it is not."""
    plain = say.lower().replace("\u2019", "'")
    moves, about = moved(offer, blocks), named(plain, blocks)
    if re.search(_CONDITION, plain):
        return "the sentence sets a condition or leaves a choice"
    if cue := re.search(_NEGATES, plain):
        spared = named(plain[cue.start() :], blocks) or about or set(blocks)
        if moves & spared:
            return f"it moves {', '.join(sorted(moves & spared))}, behind {cue[0]!r}"
    if odd := re.search(_STRANGE, plain):
        return f"it is about other blocks than {odd[0]!r} means"
    if re.search(_FEWER, plain) and len(moves) > 1:
        return "it moves more than was asked for"
    if about and moves - about:
        return f"it moves {', '.join(sorted(moves - about))}, which nobody named"
    said, other = _places(plain), _places(offer)
    if other - said:
        return f"it goes to {', '.join(sorted(other - said))}, which nobody said"
    if by := {"color", "shape"} & set(re.findall(r"[a-z]+", offer)) - _attributes(plain):
        return f"it is by {by.pop()}, which nobody said"
    if re.search(_ASUNDER, plain) and re.search(_JOINED, offer) and not re.search(_ASUNDER, offer):
        return "it joins what is to be parted"
    if re.search(_JOINED, plain) and re.search(_ASUNDER, offer):
        return "it parts what is to be joined"
    if bool(re.search(_EMPTIED, plain)) != bool(re.search(_EMPTIED, offer)) and said:
        return "one empties a place, and the other does not"
    return ""


def _attributes(text: str) -> set[str]:
    """Whether a text speaks of colour, of shape, or of both."""
    return {word for word, stem in (("color", r"\bcolou?r"), ("shape", r"\bshape")) if re.search(stem, text)}


def _places(text: str) -> set[str]:
    return {_PLACES[word] for word in re.findall(r"[a-z]+", text.lower()) if word in _PLACES}


def measured(sayings: Sequence[str], blocks: Blocks) -> dict[str, Any]:
    """What is offered for those of some sentences that are not understood, ready for JSON."""
    rows = [(say, offers) for say in sayings if (offers := offered(say, blocks)) is not None]
    found = [(say, offer) for say, offers in rows for offer in offers]
    faults = [
        {"say": say, "offer": offer, "why": why}
        for say, offer in found
        if (why := "" if accepted(offer, blocks) else "it is not accepted")
        or (why := against(say, offer, blocks))
    ]
    good = [not any(f["say"] == say and f["offer"] == offer for f in faults) for say, offer in found]
    return {
        "refused": len(rows),
        "with_a_suggestion": sum(bool(offers) for _, offers in rows),
        "suggestions": len(found),
        "accepted_and_not_against": share(good) if good else None,
        "faults": faults,
        "all": [{"say": say, "offer": offer} for say, offer in found],
    }
