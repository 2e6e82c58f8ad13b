"""Checks, choices, digests, warnings and optional imports: what every layer may use."""
