"""``gopherpay load``: put load on any deployment over HTTP, and prove afterwards that it held.

``plan`` says what is wanted, ``moves`` who pays whom, ``town`` makes users and accounts that hold
money, ``engine`` sends the requests (in a process of its own), ``tally`` counts the answers,
``checks`` looks for what was acknowledged, ``steps`` runs one step after the other, and ``report``
shows what came of it.
"""
