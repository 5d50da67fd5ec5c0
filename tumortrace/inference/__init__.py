"""Shipped models and the classifier over them."""
