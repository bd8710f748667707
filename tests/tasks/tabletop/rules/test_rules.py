"""Standing rules in words: what is understood, and what is said of everything else."""

from __future__ import annotations

import numpy as np
import pytest

from tasks.tabletop.language.instruction import AREAS
from tasks.tabletop.language.read import MAX_CHARACTERS
from tasks.tabletop.rules import (
    MAX_RULES,
    BoardRules,
    KeepClear,
    NeverMove,
    Rule,
    SpeedLimit,
    UnknownRule,
    read_rule,
    read_rules,
)
from tasks.tabletop.world.board import BLOCK_4, BLOCK_8, KINDS

MOON, RED = NeverMove(("red_moon",)), NeverMove(("red_moon", "red_pentagon"))
PAIR = NeverMove(("red_moon", "blue_cube"))
MOONS, ALL = NeverMove(("red_moon", "blue_moon")), NeverMove(BLOCK_8)
LEFT, CORNER, BOTTOM_RIGHT = KeepClear("left"), KeepClear("top_left"), KeepClear("bottom_right")
FIVE = SpeedLimit(0.05)

WORDINGS: list[tuple[str, Rule]] = [
    ("never move the red moon", MOON),
    ("  NEVER   Move the Red\tMoon . ", MOON),
    ("Please do not touch the red moon!", MOON),
    ("don't push the red moon", MOON),
    ("don\N{RIGHT SINGLE QUOTATION MARK}t bump into the red moon", MOON),
    ("dont slide the red moon", MOON),
    ("you must not hit red moon", MOON),
    ("leave the red moon alone", MOON),
    ("leave the red moon where it is", MOON),
    ("keep the red moon in its place", MOON),
    ("keep away from the red moon", MOON),
    ("avoid touching the red moon", MOON),
    ("hands off the red moon", MOON),
    ("the red moon must not be moved", MOON),
    ("the red moon stays where it is", MOON),
    ("never move the red blocks", RED),
    ("never move any red block", RED),
    ("do not touch all the red ones", RED),
    ("leave the red blocks where they are", RED),
    ("both red blocks stay put", RED),
    ("never move the moons", MOONS),
    ("do not push any moon", MOONS),
    ("never move the red moon and the blue cube", PAIR),
    ("never move the red moon or the blue cube", PAIR),
    ("never move the red moon, the blue cube", PAIR),
    ("never move the red moon, and the blue cube", PAIR),
    ("never move the red moon, the red moon and the blue cube", PAIR),
    ("never move the moons and the red moon", MOONS),
    ("never touch any block", ALL),
    ("do not move the blocks", ALL),
    ("keep the left side clear", LEFT),
    ("leave the left half free", LEFT),
    ("keep the left side of the board empty", LEFT),
    ("keep left clear of blocks", LEFT),
    ("stay out of the left side", LEFT),
    ("keep out of the left", LEFT),
    ("keep blocks out of the left side", LEFT),
    ("never enter the left-hand side", LEFT),
    ("do not push anything into the left side", LEFT),
    ("put nothing in the left side", LEFT),
    ("the left side must stay clear", LEFT),
    ("keep the top left corner clear", CORNER),
    ("stay out of the upper left quarter", CORNER),
    ("keep the top-left free", CORNER),
    ("stay away from the lower right corner of the table", BOTTOM_RIGHT),
    ("at most 5 cm a second", FIVE),
    ("at most five centimetres a second", FIVE),
    ("no faster than 5cm/s", FIVE),
    ("not faster than 50 mm per second", FIVE),
    ("move no faster than 0.05 m/s.", FIVE),
    ("Maximum 5 cm/sec", FIVE),
    ("never move faster than 5 cm a second", FIVE),
    ("maximum speed 5 centimeters per second", FIVE),
    ("the speed limit is .05 meters a second", FIVE),
    ("max 1 mm a second", SpeedLimit(0.001)),
]


@pytest.mark.parametrize(("text", "rule"), WORDINGS)
def test_wordings(text: str, rule: Rule) -> None:
    read = read_rule(text, BLOCK_8)
    assert type(read) is type(rule)
    if isinstance(read, NeverMove) and isinstance(rule, NeverMove):
        assert sorted(read.blocks) == sorted(rule.blocks)
    else:
        assert read == rule


@pytest.mark.parametrize(
    "rule",
    [*map(KeepClear, AREAS), MOON, PAIR, NeverMove(KINDS), FIVE, SpeedLimit(0.0123), SpeedLimit(0.001)],
)
def test_a_rule_in_its_own_words_reads_back(rule: Rule) -> None:
    assert read_rule(rule.text) == rule


def test_a_name_that_is_unique_on_the_table_will_do() -> None:
    assert read_rule("never move the star", BLOCK_4) == NeverMove(("green_star",))
    assert read_rule("never move the blue block", BLOCK_4) == NeverMove(("blue_cube",))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("never move the red", "never move the"),
        ("newer move the red star", '"never move the red star"'),
        ("never move the red star to the left side", "never move the red star"),
        ("keep the left sid clear", "keep the left side clear"),
        ("keep the middle clear", "keep the"),
        ("at most 5 cm", "at most 5 cm a second"),
        ("at most 5 inches a second", "at most 5 cm a second"),
        ("be careful", "for example"),
        ("", "for example"),
        ("never move the red star" + " " * MAX_CHARACTERS, "at most 400 characters"),
        ("move the red star", "never move the red star"),
        ("never move the *", "never move the"),
    ],
)
def test_near_misses_name_what_is_known(text: str, said: str) -> None:
    with pytest.raises(UnknownRule, match="expected a standing rule") as error:
        read_rule(text, KINDS)
    message = str(error.value)
    assert said in message and "got" in message and message.isprintable() and len(message) < 500


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("never move the red star", "the table holds red moon, blue cube, green star, yellow pentagon"),
        ("never move the red moon and the red star", "the red star"),
        ("never move any red star", "but the table holds"),
    ],
)
def test_blocks_that_are_not_on_the_table(text: str, said: str) -> None:
    with pytest.raises(UnknownRule, match="expected blocks on the table") as error:
        read_rule(text, BLOCK_4)
    assert said in str(error.value)
    with pytest.raises(UnknownRule, match="holds no block"):
        read_rule(text, ())


def test_a_name_that_several_blocks_share_is_asked_about() -> None:
    with pytest.raises(UnknownRule, match=r'which can mean red moon, red pentagon; .*"every red block"'):
        read_rule("never move the red block", BLOCK_8)


@pytest.mark.parametrize("number", ["0", "-5", "nan", "inf", "1e999", "0.05", "1,000", "1.2.3", ".", "-inf"])
def test_speed_limits_that_make_no_sense(number: str) -> None:
    with pytest.raises(UnknownRule, match=r"expected a finite speed limit of at least 0\.001 m a second"):
        read_rule(f"at most {number} cm a second")


def test_no_rule_loosens_another() -> None:
    for texts in (["at most 5 cm/s", "at most 9 cm/s"], ["at most 9 cm/s", "at most 5 cm/s"]):
        assert read_rules(texts).speed == 0.05
    rules = read_rules(
        ["never move the moons", "never move the red moon", "keep the left side clear"], BLOCK_8
    )
    assert rules.forbidden_blocks == ("red_moon", "blue_moon") and rules.areas == ("left",)
    assert rules.speed is None and rules.about_blocks and len(rules) == 3
    assert not BoardRules((FIVE,)).about_blocks and not BoardRules()


def test_too_many_rules() -> None:
    assert len(read_rules(["at most 5 cm/s"] * MAX_RULES)) == MAX_RULES
    with pytest.raises(UnknownRule, match=f"at most {MAX_RULES} rules, got {MAX_RULES + 1}"):
        read_rules(["at most 5 cm/s"] * (MAX_RULES + 1))
    with pytest.raises(ValueError, match="at most"):
        BoardRules((FIVE,) * (MAX_RULES + 1))


def test_types_refuse_what_makes_no_sense() -> None:
    for blocks in ((), ("red_sphere",), ("red_moon", "red_moon")):
        with pytest.raises(ValueError, match="expected one or more kinds"):
            NeverMove(blocks)
    with pytest.raises(ValueError, match="expected an area among"):
        KeepClear("center")
    with pytest.raises(ValueError, match="expected a finite speed limit"):
        SpeedLimit(float("nan"))


def test_whatever_is_typed_only_unknown_rule_is_raised() -> None:
    rng = np.random.default_rng(0)
    words = " ".join(text for text, _ in WORDINGS).split()
    for trial in range(3000):
        if trial % 3:
            text = " ".join(rng.choice(words, int(rng.integers(0, 12))))
        else:
            top = 0x110000 if trial % 2 else 0x250
            text = "".join(map(chr, rng.integers(0, top, int(rng.integers(0, 60)))))
        if trial % 5 == 0:
            text = "at most " + text + " cm a second"
        try:
            read_rule(text, BLOCK_8)
        except UnknownRule as error:
            assert str(error).isprintable() and len(str(error)) < 600
            str(error).encode()
