"""A release's default graph as columns of numbers, by which it is counted and looked up.

`python -m kg.workers.columns` makes them beside the server (`making`; `background` starts it), in
memory that has no name (`memory`). The workers' parent maps it, and a worker counts by it before it
asks the engine (`counting`: reads a `question`, makes a `planning`, does the `joining`). The server
looks resources up in it (`lookup`, writes `solutions`), and imports no numpy for that.
"""
