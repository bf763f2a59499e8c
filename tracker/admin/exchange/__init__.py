"""Records of the back office as files: taken out as the list shows them, and taken back in once they were changed.

django-import-export has the rows' course (find, compare, check, save) and the list's filter; how cells are read, who
may, and what is written are ours.
"""

from .pages import Exchanged, Exported

__all__ = ["Exchanged", "Exported"]
