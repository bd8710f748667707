"""The console: an operator watches a run in the browser, approves, changes or stops it."""
