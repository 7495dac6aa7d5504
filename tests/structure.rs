//! House rules, checked by reading the source.
