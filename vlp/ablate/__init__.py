"""Ablations: one thing of the agent at a time is changed, on the same boards, beside the paper's figures."""
