"""Amendments of a search by an operator: branches rejected, words edited, another branch picked.

A search that goes on from an amended tree keeps every subtree that is still valid as it is: nothing that was
imagined there is imagined again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from planner.types import Node, Tree


@dataclass(frozen=True)
class Amendment:
    """Changes of one tree, by its node ids."""

    rejected: Mapping[int, str] = field(default_factory=dict)
    """Nodes that may not be in the plan, with the reason; what grows from them falls with them."""
    edited: tuple[int, str] | None = None
    """A node and what its subgoal is to say instead: it is imagined anew, and the plan goes through it."""
    picked: int | None = None
    """The node that the plan has to go through."""

    def check(self, tree: Tree) -> None:
        """Raises ValueError for nodes that are not there, and for what can't be acted on."""
        if self.edited is not None and self.picked is not None:
            raise ValueError("amendment: expected an edit or a pick, got both; make one after the other")
        for node in (*self.rejected, *(() if self.target is None else (self.target,))):
            if not 0 <= node < len(tree.nodes):
                raise ValueError(
                    f"branch: expected 0 to {len(tree.nodes) - 1}, got {node}; choose one of the tree"
                )
        if self.edited is not None and not self.edited[1].strip():
            raise ValueError(f"edit: expected words, got {self.edited[1]!r}; say what to do")
        if self.target is not None:
            self._check_path(tree.path(self.target))

    @property
    def target(self) -> int | None:
        """The node that is edited or picked."""
        return self.picked if self.edited is None else self.edited[0]

    def _check_path(self, path: tuple[Node, ...]) -> None:
        must_pass = path if self.edited is None else path[:-1]
        wrong = next((node for node in must_pass if node.rejected or node.id in self.rejected), None)
        if wrong is not None:
            why = self.rejected.get(wrong.id, wrong.rejected)
            raise ValueError(
                f"branch: expected one that passed, got {wrong.id}, rejected: {why}; pick another"
            )


class Known:
    """An earlier tree and what is changed of it, as `planner.search` asks for them. Raises ValueError."""

    def __init__(self, tree: Tree, amendment: Amendment) -> None:
        amendment.check(tree)
        self._tree, self._amendment = tree, amendment
        target = amendment.target
        self._path = () if target is None else tree.path(target)

    def children(self, node_id: int | None) -> tuple[Node, ...]:
        """What is known to grow from a node (None: the root), rejections applied, the edited one left out."""
        rejected, edited = self._amendment.rejected, self._amendment.edited
        return tuple(
            replace(node, rejected=f"rejected by the operator: {rejected[node.id]}")
            if node.id in rejected
            else node
            for node in self._tree.children(node_id)
            if edited is None or node.id != edited[0]
        )

    def edit(self, node_id: int | None) -> str | None:
        """New words for a branch that grows from a node."""
        edited = self._amendment.edited
        return edited[1] if edited is not None and self._tree.nodes[edited[0]].parent == node_id else None

    def allows(self, depth: int, *, was: int | None, new: bool) -> bool:
        """Whether a beam of a level 1, 2, ..., which the tree has as node `was` or which is new, may be in
        the plan."""
        if depth > len(self._path):
            return True
        node = self._path[depth - 1].id
        if self._amendment.edited is not None and node == self._amendment.edited[0]:
            return new
        return not new and was == node
