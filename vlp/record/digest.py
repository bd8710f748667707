"""The digest of a plan: what an approval is of."""

from __future__ import annotations

import hashlib
import json

from planner import Plan


def plan_digest(decision: int, plan: Plan) -> str:
    """Of its decision's number, its words and scores, and every pixel of its clips; hexadecimal."""
    steps = [(s.subgoal, s.steps_to_go, s.spread, s.node_id) for s in plan]
    digest = hashlib.sha256(json.dumps([decision, steps]).encode())
    for step in plan:
        digest.update(step.clip.tobytes())
    return digest.hexdigest()
