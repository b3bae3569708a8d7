"""The gateway: a job's only way to Data Management, which lets through what is allowed, signs in and keeps a record.

A unix socket per job (:mod:`.door`), served by the worker's event loop. A request passes by rule (:mod:`.rules`), goes
on to Data Management (:mod:`.upstream`) with the token of whoever the job is for (:mod:`.tokens`), which the notebook
never sees (:mod:`.exchange`), and is an entry of the job's data lineage (:mod:`.lineage`).
"""
