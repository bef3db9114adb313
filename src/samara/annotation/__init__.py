"""Annotation of whole data sets: a plan of images, claims on its shards, a journal, and a crash-safe store of rows."""
