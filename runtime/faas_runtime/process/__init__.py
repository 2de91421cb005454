"""What one process has while it serves: its loop, threads, deadlines, connections and spans.

Made after the fork. It carries calls, and knows neither where they go nor how they are answered.
"""
