"""The benchmark suite: one file per question in `questions/`, one runner (`python -m bench`), one report."""
