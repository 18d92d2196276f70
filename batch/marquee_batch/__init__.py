"""The batch stage: trains on archived and recent actions, and hands back models and lists.

run.py        the steps in their order; options.py: what is asked for
reading.py    archive and hot table -> histories                (Spark; events.py, session.py)
archived.py   rows of an archived file -> events                (pure)
history.py    events -> what each user did to each movie        (pure)
dataset.py    histories as arrays                               (pure)
holdout.py    what of the held-out part was liked               (pure)
models.py     trains all models, of a run or of a cut           (Spark; training.py)
item_item.py  EASE and its sparse form                          (pure)
next_table.py what comes next after each movie                  (pure)
als.py        Spark's ALS, implicit                             (Spark)
biases.py     biases of users and movies                        (pure)
ratings.py    Spark's ALS on what the biases leave              (Spark)
ranking.py    histories x models -> scores -> lists             (pure)
live_scores.py what serving makes of a fresh history            (pure)
appraisal.py  judges the models of a cut, and chooses           (Spark; judging.py, ranker.py)
cases.py      where lists are asked for when they are judged    (pure)
thin.py       item-item, a blend with popularity, or popularity (pure)
metrics.py    lists -> NDCG, recall, coverage                   (pure)
beyond.py     what lists are like beside being right            (pure)
figures.py    what was judged -> columns of the run's line      (pure)
lists.py      everybody's list                                  (Spark; ranker.py)
embeddings.py vectors for movies without actions                (pure)
writing.py    what was learned -> a snapshot                    (I/O; snapshot.py: where it is)
publish.py    a snapshot -> Postgres                            (I/O; database.py, gate.py)
tune.py       searches a small grid of settings                 (Spark)
sharing.py, store.py, progress.py, faults.py, errors.py, settings.py: what these use
"""
