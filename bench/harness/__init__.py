"""Runs the comparison: starts servers, drives the load client, and writes the table. Standard library only."""
