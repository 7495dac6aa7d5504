//! Integration tests: a real server on port 0, raw bytes, several clients.
