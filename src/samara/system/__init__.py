"""The machine and its files: processors, devices, memory, optional libraries, safe writing."""
