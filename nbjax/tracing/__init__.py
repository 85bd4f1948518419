"""Traces as documents: every factor of a pixel, in files that any program can write, and where two of them part.

A ``TraceDocument`` is what a file of any form becomes. ``keys`` is the one table of what can be in it, in the order of
computation: units, tolerances, and the spellings of other programs. The modules named ``*_form`` each read one form
of file (and write those of nbjax); ``files`` recognises them. ``compare`` walks through two documents in the order of
computation, so that its first divergence is the place where two programs part; ``report`` and ``chart`` write down
what it found.
"""

from __future__ import annotations
