//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

/// Loads a server for MSN Messenger and measures it.
#[derive(Debug, Parser)]
#[command(name = "chrysalis-load", version)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) common: Common,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What every pattern needs to know.
#[derive(Debug, Clone, Args)]
pub(crate) struct Common {
    /// The server: a name or an address.
    #[arg(long, global = true, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port of its notification server.
    #[arg(long, global = true, default_value_t = 1863)]
    pub(crate) port: u16,
    /// The port of its web services, in plain HTTP.
    #[arg(long, global = true, default_value_t = 8080)]
    pub(crate) http_port: u16,
    /// The accounts to use: lines of "address,password".
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) accounts: Option<PathBuf>,
    /// Without a file of accounts: their addresses, {n} being 0, 1, 2 ...
    #[arg(long, global = true, default_value = "load{n}@example.com")]
    pub(crate) addresses: String,
    /// Their password.
    #[arg(
        long,
        global = true,
        default_value = "correct-horse",
        env = "CHRYSALIS_LOAD_PASSWORD",
        hide_env_values = true
    )]
    pub(crate) password: String,
    /// The number of the first account to use.
    #[arg(long, global = true, default_value_t = 0)]
    pub(crate) first: usize,
    /// Seconds to measure.
    #[arg(long, global = true, default_value_t = 5.0, value_parser = positive)]
    pub(crate) seconds: f64,
    /// Seconds of load before that.
    #[arg(long, global = true, default_value_t = 1.0, value_parser = positive)]
    pub(crate) warmup: f64,
    /// The server's process, for its processor time and memory.
    #[arg(long, global = true)]
    pub(crate) pid: Option<u32>,
    /// Write what was measured to this file as well, as JSON.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Threads that make the load.
    #[arg(long, global = true, default_value_t = 1)]
    pub(crate) threads: usize,
}

impl Common {
    pub(crate) fn warmup(&self) -> Duration {
        Duration::from_secs_f64(self.warmup)
    }

    pub(crate) fn seconds(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Fill a fresh database of Chrysalis with accounts that have each other as contacts.
    Prepare(Prepare),
    /// Be a relay that only passes bytes on, to compare a server with.
    Bare(Bare),
    /// Conversations of two, each with a number of messages under way.
    Pairs(Pairs),
    /// Conversations of many: one speaks, everybody else hears it.
    Rooms(Rooms),
    /// Signing in, with the whole list, again and again.
    SignIn(SignIn),
    /// One person's status, and everybody who is told of it.
    Presence(Presence),
    /// People who are signed in and do nothing.
    Idle(Idle),
    /// Putting people on a list and taking them off again, each change acknowledged.
    Contacts(Contacts),
    /// Downloading the whole address book over the web.
    Abfindall(Abfindall),
    /// Conversations of two through the HTTP gateway.
    Gateway(Gateway),
}

#[derive(Debug, Args)]
pub(crate) struct Prepare {
    /// The file to make; it must not have accounts yet.
    #[arg(long, value_name = "FILE")]
    pub(crate) database: PathBuf,
    /// How many accounts; --addresses and --password say which.
    #[arg(long, default_value_t = 1000)]
    pub(crate) count: u32,
    /// Contacts of each: half of them the next ones in a ring, half the ones before.
    #[arg(long, default_value_t = 20)]
    pub(crate) contacts: u32,
    /// Memory of a password hash in KiB, as in the settings of the server.
    #[arg(long, default_value_t = 19_456)]
    pub(crate) argon2_memory_kib: u32,
    /// Passes over it.
    #[arg(long, default_value_t = 2)]
    pub(crate) argon2_iterations: u32,
}

#[derive(Debug, Args)]
pub(crate) struct Bare {
    /// Where to listen; port 0 takes a free one. The address in use is printed.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub(crate) listen: SocketAddr,
    /// Write all that is queued at once, instead of one message at a time.
    #[arg(long)]
    pub(crate) batch: bool,
    /// Threads; 0 takes one for each processor that this process may use, as the server does.
    #[arg(long, default_value_t = 0)]
    pub(crate) workers: usize,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Pairs {
    /// How many conversations.
    #[arg(long, default_value_t = 200)]
    pub(crate) pairs: usize,
    /// Messages of one conversation under way.
    #[arg(long, default_value_t = 1)]
    pub(crate) in_flight: usize,
    /// Bytes of a message's body.
    #[arg(long, default_value_t = 200)]
    pub(crate) size: usize,
    /// Have every message acknowledged.
    #[arg(long)]
    pub(crate) acknowledge: bool,
    /// The server is a bare relay: no sign-in.
    #[arg(long)]
    pub(crate) bare: bool,
    /// The version of the protocol to sign in with, of those with an MD5 sign-in.
    #[arg(long, default_value_t = 7)]
    pub(crate) version: u8,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Rooms {
    /// How many conversations.
    #[arg(long, default_value_t = 10)]
    pub(crate) rooms: usize,
    /// People in each.
    #[arg(long, default_value_t = 20)]
    pub(crate) members: usize,
    /// Messages of one conversation under way.
    #[arg(long, default_value_t = 8)]
    pub(crate) in_flight: usize,
    /// Bytes of a message's body.
    #[arg(long, default_value_t = 200)]
    pub(crate) size: usize,
    /// The server is a bare relay: no sign-in.
    #[arg(long)]
    pub(crate) bare: bool,
    /// The version of the protocol to sign in with, of those with an MD5 sign-in.
    #[arg(long, default_value_t = 7)]
    pub(crate) version: u8,
}

/// The ways to sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Method {
    /// The digest of a challenge and the password, with the list on the connection.
    Md5,
    /// A ticket of the login page, with the list on the connection.
    Twn,
    /// A token and the proof of its key, with memberships and address book over the web.
    Sso,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct SignIn {
    /// The way.
    #[arg(long, value_enum, default_value = "md5")]
    pub(crate) method: Method,
    /// How many sign in at the same time.
    #[arg(long, default_value_t = 32)]
    pub(crate) at_once: usize,
    /// How many accounts take turns.
    #[arg(long, default_value_t = 1000)]
    pub(crate) people: usize,
    /// Fewest contacts that everybody has; less is a failure.
    #[arg(long, default_value_t = 1)]
    pub(crate) contacts: usize,
}

/// How changes follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Pace {
    /// As fast as everybody is told of them.
    Burst,
    /// Each after everybody was told of the one before.
    Single,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Presence {
    /// How many are told. They are the neighbours of the one in a ring of contacts.
    #[arg(long, default_value_t = 500)]
    pub(crate) watchers: usize,
    /// The versions of the protocol that they take turns to speak.
    #[arg(long, value_delimiter = ',', default_values_t = [5, 8, 9, 11, 12, 15, 18])]
    pub(crate) versions: Vec<u8>,
    /// How changes follow each other.
    #[arg(long, value_enum, default_value = "burst")]
    pub(crate) pace: Pace,
    /// Changes that not everybody was told of yet.
    #[arg(long, default_value_t = 64)]
    pub(crate) lead: u64,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Idle {
    /// Print "ready" as soon as everybody is signed in.
    #[arg(long)]
    pub(crate) announce: bool,
    /// How many.
    #[arg(long, default_value_t = 1000)]
    pub(crate) sessions: usize,
    /// The version of the protocol.
    #[arg(long, default_value_t = 7)]
    pub(crate) version: u8,
}

/// The lists that people are put on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum OnList {
    /// The forward list, which shows on the other's reverse list as well.
    Forward,
    /// The block list.
    Block,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Contacts {
    /// How many people change their lists at the same time.
    #[arg(long, default_value_t = 64)]
    pub(crate) people: usize,
    /// Changes of one of them under way.
    #[arg(long, default_value_t = 1)]
    pub(crate) in_flight: usize,
    /// How far away in the ring of accounts the other one is: nobody's contact yet.
    #[arg(long, default_value_t = 500)]
    pub(crate) distance: usize,
    /// The list.
    #[arg(long, value_enum, default_value = "forward")]
    pub(crate) list: OnList,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Abfindall {
    /// How many ask at the same time, each over a connection that stays open.
    #[arg(long, default_value_t = 8)]
    pub(crate) people: usize,
}

#[derive(Debug, Clone, Args)]
pub(crate) struct Gateway {
    /// How many conversations, of two sessions and two signed-in people each.
    #[arg(long, default_value_t = 20)]
    pub(crate) pairs: usize,
    /// Bytes of a message's body.
    #[arg(long, default_value_t = 200)]
    pub(crate) size: usize,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=86_400.0).contains(&seconds) => Ok(seconds),
        _ => Err("not a number of seconds up to a day".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn no_two_options_have_one_name() {
        Options::command().debug_assert();
    }
}
