//! Wiring faults that show in the numbers.
