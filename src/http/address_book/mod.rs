//! `abservice.asmx`: contacts and groups for the clients since MSNP13 (`docs/protocol/12`).

pub(in crate::http) mod stamp;
pub(in crate::http) mod text;
pub(in crate::http) mod view;
