"""Parts of the networks built on a language model."""

__all__: list[str] = []
