"""What was measured: metrics, records of single numbers, and files of records. Nothing here measures."""
