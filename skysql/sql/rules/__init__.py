"""Selects that a scan answers, a kind each: groups, joins, pairs of moments, rows."""
