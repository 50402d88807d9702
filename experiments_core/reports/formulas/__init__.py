"""The formulas behind every printed number, written out once more for the notebook.

The text of these modules is printed, word for word and in the order of ``notebook.FORMULAS``,
into each downloaded notebook: they import scipy and one another, and nothing else of Upshot.
There they share one name space, so no two of them define the same name.
"""
