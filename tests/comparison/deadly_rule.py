"""A rule that takes its process with it, unless that is the one of the tests."""

import multiprocessing
import os

from neurocap_search.pruning import FullTrainingPolicy


def dies(context):
    if multiprocessing.parent_process() is not None:
        os._exit(1)
    return FullTrainingPolicy(max_t=context.max_t)
