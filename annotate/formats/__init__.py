"""Other programs' annotation files: one module per family, all read to and written from the same `Annotation`.

`registry.py` finds a file's format, `convert.py` carries one file into another. Pure text on this side: nothing here
knows of the page, and only `convert.py` of audio, to ask how long a song is.
"""
