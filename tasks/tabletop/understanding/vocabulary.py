"""Vocabulary: the words that are understood, what each stands for, and phrases that are one word."""

from __future__ import annotations

import re
from typing import Final


def _table(text: str) -> dict[str, str]:
    """Lines "word: synonyms" as synonym -> word."""
    lines = [line.split(":") for line in text.strip().splitlines()]
    return {synonym: word.strip() for word, synonyms in lines for synonym in synonyms.split()}


_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen"
)
NUMBERS: Final = _NUMBERS.split()

_POLITE = """i would like you to have, i would like you to, i would like to have, i would like to see, i
would love to see, i would love, i would prefer, i would like, i want you to, i want to see, i want to
have, i want, i need you to, i need to have, i need, could you, can you, would you mind, would you, will
you, please, kindly, thank you, thanks, let us, let, make sure that, make sure, see to it that, okay,
ok, hello, hey, hi, dear robot, robot, for me, now, also, too, as well"""
POLITE: Final = tuple(" ".join(phrase.split()) for phrase in _POLITE.split(","))
"""What is said for politeness, or to fill: it changes nothing, wherever it stands."""

CONTRACTIONS: Final = {
    "i'd": "i would",
    "let's": "let us",
    "don't": "do not",
    "dont": "do not",
    "it's": "it is",
    "that's": "that is",
    "they're": "they are",
}

WORDS: Final = _table("""
color: colour colours colors
colored: coloured
center: centre centres middle
shape: shapes
meters: metres
top: upper
bottom: lower
left: leftwards
right: rightwards
up: upwards
down: downwards
V: push move put place bring shove slide get set send drag shift arrange lay have pull organize organise
V: position stand order want pushing moving putting placing bringing arranging
make: make form build create construct making forming building
take: take taking
gather: gather collect assemble cluster bunch huddle gathering collecting
group: group sort grouping sorting groups clusters
separate: separate split separating
spread: spread scatter disperse
surround: surround encircle surrounding
swap: swap exchange switch interchange trade swapping exchanging
clear: clear empty free clearing
keep: keep leave keeping leaving
lineup: align aligned lineup
P: in into inside on onto at to toward towards along
above: above
below: below underneath beneath under
near: near beside alongside
around: around round
blocks: blocks pieces bricks objects items things
block: block piece brick object item thing
moon: crescent
moons: crescents
cube: box
cubes: boxes
circle: ring
corner: quadrant
all: all every each
be: be is are go goes belong belongs sit sits lie lies stands stay should must shall can could would will
but: except excepting besides excluding
them: they those these
then: afterwards afterward subsequently finally lastly
first: firstly
horizontal_ly: horizontally
vertical_ly: vertically
diagonal_ly: diagonally
""") | {word: str(number) for number, word in enumerate(NUMBERS)}
"""A word -> the one that it stands for. V is any verb that brings blocks somewhere, P any "in" or "to"."""

_AREA = "(?: (?:corner|quarter|area|part))?"
_COLORED = "(?:(?:red|blue|green|yellow) )?"
PHRASES: Final = (
    (r"line ((?:\S+ ){1,6}?)up", r"lineup \1"),
    (r"line up|lined up", "lineup"),
    (rf"an?(?= {_COLORED}(?:moon|cube|star|pentagon|block)(?!\S))", "1"),
    (r"an?", ""),
    (r"any(?= \d)", ""),
    (r"(?:has|have|V|needs?|ought) P be", "be"),
    (r"(?:of|on|P) (?:board|table)", ""),
    (r"(?:do not|never|without) (?:V|touch|touching|disturb|disturbing)", "unmove"),
    (r"where (?:it|they|them) be(?: now)?|(?:as|like) (?:it|they|them) be", "still"),
    (r"P (?:its|their) (?:V|places?)|P V|alone|untouched|unmoved", "still"),
    (r"(?:over|all way) P", "P"),
    (r"up P(?= top)|down P(?= bottom)", "P"),
    (r"up top", "top"),
    (r"(left|right) hand", r"\1"),
    (rf"(top|bottom) (left|right){_AREA}", r"\1_\2"),
    (r"(left|right) (top|bottom) corner", r"\2_\1"),
    (r"(?:from )?left P right", "left_to_right"),
    (r"from right P left", "right_to_left"),
    (r"(?:from )?top P bottom", "top_to_bottom"),
    (r"from bottom P top", "bottom_to_top"),
    (r"(?:P )?(left|right)(?: side)? of", r"\1_of"),
    (r"(left|right|top|bottom) (?:side|half|area|part)", r"\1_half"),
    (r"center (?:area|part)", "center"),
    (r"(?:near|close|adjacent|next) P", "near"),
    (r"close by", "near"),
    (r"(?:P )?(?:each|all|one) other(?: ones)?(?=$| [,;]| and)", "each_other"),
    (r"all other", "other"),
    (r"near each_other", "together"),
    (r"side by side", "together"),
    (r"P (?:1|same) V|P (?:group|gather)|(?:close|closer|up) together", "together"),
    (r"(?:away|apart) from each_other", "apart"),
    (r"(?:away|far away|far) from", "away_from"),
    (r"apart from", "apart_from"),
    (r"spread out|space out", "spread"),
    (r"spread ((?:\S+ ){1,6}?)out", r"spread \1"),
    (r"P between|between", "between"),
    (r"but for|but not|other than|aside from|except for|but apart_from|save for", "but"),
    (r"but(?= keep| unmove)", ","),
    (r"all of(?= others?)", "all"),
    (r"(?:all )?(?:other|others|remaining)(?: blocks?| ones?)?", "others"),
    (r"(?:all )?rest(?: of (?:blocks|them))?", "others"),
    (r"everything else", "others"),
    (r"everything that be", "everything"),
    (r"all of", "all"),
    (r"both of", "both"),
    (r"no blocks?|nothing|no ones?", "none"),
    (r"(?:of )?same (color|shape)", r"same_\1"),
    (r"by (?:their |its )?(color|shape) P corners", r"by_\1_in corners"),
    (r"by (?:their |its )?(color|shape)", r"by_\1"),
    (r"swap (?:V|places|positions?|spots|locations?) of", "swap"),
    (r"(?:swap|change) (?:places|positions|spots|locations)", "swap"),
    (r"straight line", "line"),
    (r"(?:out of|from)(?= (?:all|color))", "of"),
    (r"V (?:everything|all blocks?|all) out of", "clear"),
    (r"out of", "of"),
    (r"clear (?:up|out)", "clear"),
    (r"(?:and )?then|after that|after which", "then"),
    (r"first of all|P begin with|(?:begin|start) (?:with|by)", "first"),
    (r"^be", ""),
    (r"be be|be P be|be V|P be", "be"),
    (r"there be none", "none be"),
)
"""Words that follow each other, after `WORDS`, and what they are together; tried in this order."""

_KINDS = _table("""
COLOR: red blue green yellow
COLORS: reds blues greens yellows
SHAPE: moon cube star pentagon
SHAPES: moons cubes stars pentagons
SIDE: left right top bottom
AREA: left_half right_half top_half bottom_half top_left top_right bottom_left bottom_right center
SIDE_OF: left_of right_of above below
ORIENT: horizontal vertical diagonal
ADVERB: horizontal_ly vertical_ly diagonal_ly
ORDER: left_to_right right_to_left top_to_bottom bottom_to_top
FIGURE: triangle square
BY: by_color by_shape
BY_COLOR: by_color_in
SAME: same_color same_shape
_BLOCKS: ones blocks
_ONE: one
_WIDE: across wide
IT: it
THEM: them
V: V
ROW: row
COLUMN: column
_P: P
""")
_OWN = """take first then near together gather between apart separate away_from apart_from from none
spread lineup line up down make of circle around surround with radius swap unmove keep still clear group
but block all everything others both and be corners"""
KINDS: Final = (
    _KINDS
    | {word: f"_{word.upper()}" for word in _OWN.split()}
    | {",": "_COMMA", ";": "_SEMI", ":": "_COLON"}
)
"""A word as the grammar has it -> its terminal; numbers and lengths are told by their form."""

_SINGLE = """point next close a bit little slightly somewhat nudge diagonally arm your base clump just
side area vertical horizontal out of board half away pull apart together far"""
"""Words of single pushes that nothing above has."""
_MORE = "the an colored any has ought cm centimeters centimeter meters x y degrees"


def _plain(pattern: str) -> set[str]:
    """The words in a phrase's pattern."""
    return set(re.findall(r"[a-z]{2,}", re.sub(r"\\\w|\(\?.", " ", pattern)))


KNOWN: Final = frozenset(
    {*WORDS, *KINDS, *_SINGLE.split(), *NUMBERS, *_MORE.split(), *CONTRACTIONS}
    | {word for words in (*POLITE, *CONTRACTIONS.values()) for word in words.split()}
    | {word for pattern, _ in PHRASES for word in _plain(pattern)}
)
"""All words that are taken as they are; others may be typos of these."""

_MEANINGFUL = """once whenever till during soon provided assuming not never no without unless if when
while until before after only just or nor either neither slowly quickly fast faster slower carefully
gently again twice exactly almost nearly least most more less fewer maximum minimum back off undo
instead rather than avoid stop some maybe possibly"""
MEANINGFUL: Final = frozenset(_MEANINGFUL.split())
"""Words that change what is meant, and are understood only in the phrases above."""

_ENGLISH = """lift loft lent lest list light last late read rid rod reed ride bed boot button glue blur
blew black brown grey gray grow greed greet stay stair start stare state stack stick story mood moan
more mode mole mop moose cue cure cub cute cubic posh pus puzzle pull love live lane lone like life lock
block circus cycle squire swamp swat snap clean clever close cleared neat net nest text about alive
bellow ill ant add part party mother rent reset mid riddle hall halt calf sight sit keen plane plate
leaf leaves heave raw rob rink than thin theme better rotate throw tilt turn flip spin paint break drop
grab grasp pick hold hide remove raise step shop shoe show shown tap tip pop cop hop lover love glow
cover corn cornet collar cold enter orange purple pink white magenta cyan hexagon sphere ball prism
pyramid bored lives fines lost rights fright under oven even ever fever nearly yearly early fair fur
dear wear beach reach teach peach stock stuck steep soon room moo boon bread green tube rude cuter sweep
sleep blank bland"""
WORDS_NOT_TYPOS: Final = frozenset(_ENGLISH.split())
"""English words that are near to one that is known, and are not it."""
