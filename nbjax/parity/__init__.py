"""Where the C program departs from the physics: a ledger of names, and one small replacement each."""
