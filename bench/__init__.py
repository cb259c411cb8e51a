"""Measuring the app: how fast, in how much memory, beside what people use today. `make bench`."""
