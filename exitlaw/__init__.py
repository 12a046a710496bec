"""Exitlaw: is a formula about escape times true, where, and how do we know?"""

from importlib.metadata import version

__version__ = version("exitlaw")
