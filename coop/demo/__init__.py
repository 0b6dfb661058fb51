"""The demo cooperative: a year simulated from a seed, then lived through the real services.

    town          who and what there is: hubs, ports, members, fleets, the calendar
    simulation    the year: which vehicle charged where, when and how much (pure, integers only)
    cdrs          those sessions as the OCPI CDRs a charging platform would have sent
    books         what the treasurer posted besides: shares, payments, energy, a grant (pure)
    build         all of it put into a database, step by step, each step repeatable
    queries       what to ask first

Everything but `build` is pure.
"""
