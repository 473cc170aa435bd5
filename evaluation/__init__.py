"""Evaluation: how well songs keep to a structure, and whether telling times to a model helps.

segments.py, scores.py      a heard structure against one asked for; `comparing.py` for two annotations
probe.py, moments.py        who hears sections and moments; `listeners.py` lets others listen, `blind.py` a person
judging.py, measures.py     a set of songs beside chance and ceiling, with intervals; `report.py` says it
hearing.py                  one song heard by a judge that a folder's songs teach: what Generate and Train show
contrast.py, variety.py, diversity.py, adherence.py, caption_probe.py, loudness.py, arrangement.py
                            what else a song should be
experiment/                 ways of teaching time compared on one dataset
curation.py                 which songs are annotated best
listening/                  people who do not know which song is which
tab.py                      all of it in the page
"""
