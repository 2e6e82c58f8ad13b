"""Checks, choices, digests, warnings and optional imports, used by all layers."""
