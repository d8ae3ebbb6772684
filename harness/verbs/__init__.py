"""The verbs of ``meshproof``, a module for each group; ``cli`` puts them together."""
