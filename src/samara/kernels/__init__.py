"""Kernels of our own for CUDA GPUs, in Triton: work that PyTorch's operators do in many passes over memory.

Modules with a kernel import triton, so they are imported only where `available.runs_kernels` says yes; everywhere else
the same results come from PyTorch's operators, which are also the reference in the tests.
"""
