"""Turns the folds: knows the seams and no implementation."""
