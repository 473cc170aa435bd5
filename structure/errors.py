"""The one base class of every error that a person can cause."""


class StudioError(ValueError):
    """Something a person can put right: the message names what, where, and what to do.

    Every room derives its own errors from this class. A command line catches exactly this and exits with status 2; a
    tab shows it. Anything else that is raised is a fault of ours and keeps its traceback.
    """
