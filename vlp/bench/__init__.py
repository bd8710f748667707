"""Benchmark: methods side by side on the same boards, whole episodes in parallel, results with intervals."""
