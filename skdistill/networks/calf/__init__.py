"""Parts of the networks that are built on a language model."""

__all__: list[str] = []
