"""The batch stage: trains on archived and recent actions, and hands back models and lists.

events.py     archive and hot table -> events, each once        (I/O)
history.py    events -> what each user did to each movie        (pure)
holdout.py    which of it is held out, what of that was liked   (pure)
item_item.py  EASE and its sparse form                          (pure)
als.py        Spark's ALS, implicit                             (Spark)
ratings.py    biases and Spark's ALS on what they leave         (Spark)
ranking.py    histories x models -> lists                       (pure)
metrics.py    lists -> NDCG, recall, coverage                   (pure)
embeddings.py vectors for movies without actions                (pure)
snapshot.py   models/<algorithm>/<version>/ in the object store (I/O)
database.py   the run's log, the lock, loading and promotion    (I/O)
gate.py       promote or reject                                 (pure)
run.py        the steps in their order
"""
