"""Numbers as unevaluated sums of two 32-bit floats: some 36 bits of precision where 64-bit floats are absent.

``arithmetic`` and ``elementary`` hold the operations; ``transform.in_pairs`` evaluates any function with them, so that
a formula is written once for every precision.
"""
