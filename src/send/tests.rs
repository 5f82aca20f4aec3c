//! Sending, against scripted servers on loopback.
