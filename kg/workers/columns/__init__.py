"""A release's default graph as columns of numbers, by which joins are counted.

`python -m kg.workers.columns` makes them beside the server (`background` starts it), the workers'
parent maps them, and a worker asks them before the engine (`counting`). Only those two import
numpy: this module does not.
"""
