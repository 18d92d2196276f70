"""The batch stage: trains on archived and recent actions, and hands back models and lists.

run.py        the steps in their order; options.py: what is asked for
reading.py    archive and hot table -> histories                (Spark; events.py, session.py)
archived.py   rows of an archived file -> events                (pure)
history.py    events -> what each user did to each movie        (pure)
dataset.py    histories as arrays                               (pure)
holdout.py    what of the held-out part was liked               (pure)
models.py     trains and judges all models of a cut             (Spark; training.py, judging.py)
item_item.py  EASE and its sparse form                          (pure)
als.py        Spark's ALS, implicit                             (Spark)
next_table.py what comes next after each movie               (pure)
biases.py     biases of users and movies                        (pure)
ratings.py    Spark's ALS on what the biases leave              (Spark)
ranking.py    histories x models -> lists                       (pure)
metrics.py    lists -> NDCG, recall, coverage                   (pure)
embeddings.py vectors for movies without actions                (pure)
writing.py    what was learned -> a snapshot                    (I/O; snapshot.py: where it is)
publish.py    a snapshot -> Postgres                            (I/O; database.py, gate.py)
tune.py       searches a small grid of settings                 (Spark)
sharing.py, store.py, progress.py, faults.py, errors.py, settings.py: what these use
"""
