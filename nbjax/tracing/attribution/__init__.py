"""The cause of a difference between a candidate and its reference.

First the ledger: which departures of the C program, switched in the candidate, reproduce the reference. Then what is
left: the fewest and smallest changes of traced parameters that explain it, by least squares through the gradients of
the simulator. The result is a waterfall, from the candidate's intensity to the reference's.
"""
