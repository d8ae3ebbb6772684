"""Commands of ``meshproof`` that have several verbs, a module each."""
