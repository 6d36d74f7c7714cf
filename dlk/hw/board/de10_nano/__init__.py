"""Terasic DE10-Nano: Cyclone V SoC 5CSEBA6U23I7."""
