"""Blind listening: people compare songs made in several ways, without knowing which is which.

    make.py      a test from two or more folders of songs (`design.py` plans it, `sound.py` makes the songs comparable)
    page.py      what a listener sees, and the server; it never opens the key
    answers.py   what listeners answered, a file each
    analysis.py  what follows from it (`rows.py`, `binomial.py`, `bradley_terry.py`, `screening.py`), after the end
    export.py    the same as a table for other programs
    commands.py  `python -m evaluation listen make | serve | results`
    panel.py     a piece of the Evaluate tab

An *arm* is one way of making songs. A *trial* plays one song as two arms made it, as A and B; in an ABX test X is one
of the two. A *repeated* trial is an earlier one with the sides swapped: it tells how steady a listener is, and counts
for nothing else.
"""
