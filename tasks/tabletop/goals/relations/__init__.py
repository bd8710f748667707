"""Relations that a goal is made of, each in a file of its own."""

from tasks.tabletop.goals.relations.apart import Apart
from tasks.tabletop.goals.relations.area_clear import AreaClear
from tasks.tabletop.goals.relations.at_place import AtPlace
from tasks.tabletop.goals.relations.base import Relation
from tasks.tabletop.goals.relations.between import Between
from tasks.tabletop.goals.relations.circle import Circle
from tasks.tabletop.goals.relations.corners import Corners
from tasks.tabletop.goals.relations.in_area import InArea
from tasks.tabletop.goals.relations.line import Line
from tasks.tabletop.goals.relations.long_task import Long
from tasks.tabletop.goals.relations.near import Near
from tasks.tabletop.goals.relations.not_moved import NotMoved
from tasks.tabletop.goals.relations.row import Row
from tasks.tabletop.goals.relations.side import Side
from tasks.tabletop.goals.relations.some_of import SomeOf
from tasks.tabletop.goals.relations.swapped import Swapped
from tasks.tabletop.goals.relations.together import Together

__all__ = [
    "Apart",
    "AreaClear",
    "AtPlace",
    "Between",
    "Circle",
    "Corners",
    "InArea",
    "Line",
    "Long",
    "Near",
    "NotMoved",
    "Relation",
    "Row",
    "Side",
    "SomeOf",
    "Swapped",
    "Together",
]
