"""The laboratory: sweeps over any axes, schedules optimised by gradient, and published claims put to the test."""
