//! Chrysalis: a self-hosted server for MSN Messenger and Windows Live Messenger.
//!
//! This page is the map: read it before adding a file. How the server is used stands in
//! `README.md`, what goes over the wire in `docs/protocol/`; the source cites the latter as
//! `docs/protocol/02 §9`.
//!
//! # The way of a command
//!
//! Bytes become frames ([`wire`]), frames become commands ([`ns`], [`sb`]), commands call domain
//! operations ([`service`]), and those change durable state ([`store`]) and live state ([`hub`]).
//! What others must hear leaves the hub as typed events ([`model::NsEvent`], [`model::SbEvent`]);
//! each connection renders them for its own client ([`dialect`]). Nobody ever waits for a slow
//! client, and no lock is held across an `.await`.
//!
//! # Modules, and who may import whom
//!
//! | module | its job | of ours it may use |
//! |---|---|---|
//! | [`model`] | people, addresses, lists, cards, circles, presence, events; no I/O, no protocol words | - |
//! | [`wire`] | bytes and frames; no version, no user, no socket | - |
//! | [`dialect`] | all differences between protocol versions; pure functions | `model`, `wire`, leaves |
//! | [`store`] | SQLite; model types in and out | `model`, `live` |
//! | [`hub`] | who is online and where, who hears about whom, rooms, circles | `model`, `live`, `mailbox` |
//! | [`service`] | operations, the same for TCP and web | `model`, `hub`, `store`, leaves |
//! | [`net`] | sockets, time, budgets of one connection | `wire`, leaves |
//! | [`ns`], [`sb`] | the two roles: one file for each command | `service`, `dialect`, `wire`, `net`, `model`, leaves |
//! | [`http`] | sign-in and web services, the gateway, health, metrics | `service`, `model`, `net` (its accept loop and pipes), `wire` (a role's name), `tls`, leaves |
//! | [`tls`] | encryption: certificates, handshakes, the process that speaks old TLS | `net`, leaves |
//! | [`client`] | the other end of the wire, for what measures and checks servers | `wire`, leaves |
//! | [`escargot`] | people out of another server's database | `service`, `store`, `model` |
//! | [`cli`] | one file for each subcommand | `escargot`, `server`, `service`, `store`, `model`, `tls`, `client`, leaves |
//! | [`server`] | puts everything together, starts and stops it | everything but `cli` |
//! | [`advertise`], [`clock`], [`config`], [`guide`], [`history`], [`live`], [`mailbox`], [`metrics`], [`mime`], [`network`], [`product`], [`shutdown`], [`supervisor`], [`telemetry`], [`xml`] | leaves | - |
//!
//! `tests/structure.rs` holds this table in full, the crates of others included, and fails with
//! the offending line. A leaf is used by whoever needs it and uses nobody. [`xml`] is one because
//! the templates of web answers and the notices of the line protocol escape alike. [`mailbox`] is
//! one because both ends of a queue must not know each other: the hub posts, the connection reads,
//! and `net` stays free of the hub as the hub does of sockets. [`wire::Outbox`] lives in `wire` and
//! not beside the socket because it is the renderers of `dialect` that fill it; so a test can read
//! a session's answer without a network. `ns` and `sb` see of hub and store only what `service`
//! hands on: guards, outcomes, change values.
//!
//! # The life of a connection
//!
//! One task owns the socket, the buffers and the session; nobody else writes to that socket.
//! [`net::accept`] takes a place at the [`net::Gate`] and hands the socket to [`server`], which
//! waits for the first frame: `VER` is for the notification role, `USR` and `ANS` for the
//! switchboard, so one port serves both. [`net::Link`] then carries an [`ns::NsSession`] or
//! [`sb::SbSession`] through the small trait [`net::Session`]: frame in, frames out; event in,
//! frames out. Each turn waits for exactly one thing (bytes, events, a deadline, a stop) and then
//! handles it **to the end, outside of the wait**, so that no half-done command is ever cancelled.
//! Everything a turn produces is collected in the outbox and written at its end under a deadline:
//! an answer always precedes later events.
//!
//! A client that only has HTTP comes through `http::gateway`. Its connection is a [`net::Link`] like
//! any other, over a [`net::pipe()`] where others have a socket: requests put bytes in and fetch
//! whole frames. So there is one kind of session, and nothing behind [`server`] can tell.
//!
//! What exists only in a phase lives in that phase's variant: before sign-in there is no account
//! to misuse. A signed-in session holds a [`service::OnlineGuard`], a conversation a
//! [`service::Membership`]; dropping it takes the session out of the hub, so neither a panic nor a
//! lost cable leaves a ghost online.
//!
//! # Several places
//!
//! Somebody may be signed in at several machines, each an *endpoint*; who hears what of whom is
//! decided in [`hub`], by the account for others and by the endpoint for oneself. What others see
//! is one presence, put together of all. A session remembers the *grant* it signed in with, so
//! that a change over the web is told to all places but the one that made it.
//!
//! # Web services
//!
//! Since MSNP13 clients keep their contacts, pictures and messages for the absent over SOAP.
//! [`http::soap`] reads the envelope, finds the operation, authorises the token for what the
//! service is about, and writes what came of it; each service is a folder with a file for each
//! operation, which calls the same [`service`] as a command would. Deltas rest on stamps: one
//! clock in [`store`] only goes forward, every row has the stamp of its last change, and what was
//! removed leaves a trace; a stamp from before the oldest trace means a full download.
//!
//! # Measuring
//!
//! `load/` is a program of its own, `chrysalis-load`: it speaks to any server through [`client`],
//! which shares nothing with the other end but frames. `benches/server.rs` runs it beside a bare
//! relay and compares; `benches/functions.rs` measures single functions. What came of it is in
//! `docs/performance.md`.
//!
//! # Versions
//!
//! A [`dialect::Dialect`] is agreed on at `VER` and never changes. It offers no order and no
//! number: code outside of [`dialect`] asks what a client can do (an enum, matched in full), never
//! how old it is. The answers are one table, a row for each version, and a test keeps its printed
//! form beside it, so that a change of behaviour shows in review as a changed row. A switchboard
//! connection has no `VER`; it gets the dialect of the session that fetched its ticket, as a
//! [`model::DialectTag`] that the hub carries and only `dialect` can read.
//!
//! # Database first, screen second, answer third
//!
//! All writes go through one task in [`store`]: it takes what is queued, runs each job under a
//! savepoint, commits once, and answers after the commit. So an acknowledged change is on disk,
//! and many changes share one commit. A change that others see brings a closure along, and the
//! writer runs it right after the commit, in the order of the commits and before the caller hears
//! of it; the closure applies the change to the hub, which posts the events. Two sessions that
//! edit at once therefore cannot show their changes in another order than the database has them.
//! The command line writes to the same database from a process of its own; it leaves a notice in
//! the same transaction, which the running server follows within a second.
//!
//! Of a contact book the hub keeps only the [`model::Standing`]: who is on which list, and the
//! privacy setting. That is all it takes to decide who hears of whom; names, groups and phone
//! numbers would cost memory for everybody online, and would have to be kept true for nothing.
//! Whoever downloads a list gets it from the store. The standing and the book carry the same
//! revision, which grows with every change and is also the list version that old clients are told.
//!
//! # Names
//!
//! A name is a [`model::Label`]: it keeps the percent-encoded spelling that its author's client
//! sent, and escapes only what could not travel. Decoding and encoding anew would make names grow
//! past what clients accept, and clients that compare spellings would correct each other for ever.
//! A [`model::Address`], in contrast, exists only in its folded form, and is the only place that
//! folds case.
//!
//! # Where things go
//!
//! - A **command**: a file in `ns` or `sb` named after its verb: the form on the wire, the fields,
//!   `parse`, `apply`, tests. Its phase goes into the dispatch, its versions into the table of
//!   verbs in `dialect`.
//! - A **web operation**: a file in the service's folder in `http`, its name in `OPERATIONS`, its
//!   answer in `templates`, a case in `tests/schemas`, which fails for what it does not know.
//! - A **difference between versions**: a column in `dialect/table.rs` and a renderer beside it.
//! - An **operation**: a method in `service` that every edge calls; a refusal is a
//!   [`model::Refusal`]; `dialect/errors.rs` decides on the number without a wildcard, and
//!   `http/soap/fault.rs` on the fault.
//! - A **database need**: one method of [`store::Store`], which is one transaction. Migrations are
//!   added, never edited.
//! - A **setting**: `config.rs`, `config.example.toml`, and the constructor that takes it; what
//!   can change while the server runs is kept in a [`live::Live`], and `server/reload.rs` replaces
//!   it.
//! - A **limit**: every queue, wait and loop that a peer can feed has one. A full mailbox closes
//!   its own connection; a sender never waits.
//! - A **task**: through [`shutdown::Shutdown::spawn`]. The **date**: from [`clock::Clock`].
//! - A **bug report**: a transcript in `tests/transcripts`.
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::indexing_slicing,
        reason = "tests fail by panicking"
    )
)]

pub mod advertise;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod dialect;
pub mod escargot;
pub mod guide;
pub mod history;
pub mod http;
pub mod hub;
pub mod live;
pub mod mailbox;
pub mod metrics;
pub mod mime;
pub mod model;
pub mod net;
pub mod network;
pub mod ns;
pub mod product;
pub mod sb;
pub mod server;
pub mod service;
pub mod shutdown;
pub mod store;
pub mod supervisor;
pub mod telemetry;
pub mod tls;
pub mod wire;
pub mod xml;
