//! `SharingService.asmx`: who may see and call whom (`docs/protocol/12 §3, §5`).

pub(in crate::http) mod view;
