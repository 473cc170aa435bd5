"""Trials: the product used hard, in ways that take too long for tests; each is one command and counts what it lost."""
