"""Reading of tensors from untrusted files, without executing anything in them."""
