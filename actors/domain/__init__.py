"""The rules of money: standard library only; no clock, no await, no I/O, no randomness."""
