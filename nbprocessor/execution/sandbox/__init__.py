"""Sealing runs off: what they see of the machine, and what keeps them from the rest of it.

Two parts do it. :mod:`.bubblewrap`, or without it :mod:`.unshare`, builds the closed room in which the fork server and
ordinary kernels live: no network, a read-only system, none of the user's files. :mod:`.namespaces` gives each slot a
process space and a network of its own, and :mod:`.view` each job a view in which there is its own folder only. Whether
it holds is tried at each start (:mod:`nbprocessor.execution.selftest`).
"""
