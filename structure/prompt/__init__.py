"""How a structure prompt is read; `structure.language` is its face."""
