"""What people look at, made from results; computes nothing new."""
