"""The recipe that made the embedded checkpoint, `samara_mini`; see README.md."""
