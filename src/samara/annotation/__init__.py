"""Whole data sets annotated: a plan of images, claims on its shards, a journal, and a store of rows that survives."""
