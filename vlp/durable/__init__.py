"""Durable state, which outlives the process of a run: a sealed store, a step journal, remembered searches."""
