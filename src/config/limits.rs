//! How much of everything is allowed.

use std::ops::RangeInclusive;

use ipnet::IpNet;

use super::values::read_network;
use super::visitor::{Fewest, Visitor};
use super::{MANY, SECONDS};

/// In less than that a network that lost a few packets looks like a cut one.
const VANISHED: RangeInclusive<i64> = 5..=3_600;

/// A queue is held in memory for every connection.
const QUEUE: RangeInclusive<i64> = 16..=65_536;

/// A list goes to a client as a whole at every sign-in.
const LIST: RangeInclusive<i64> = 1..=100_000;

/// What waits for an account is listed as a whole.
const WAITING: RangeInclusive<i64> = 1..=10_000;

/// Less than this is not enough for one card or one picture.
const BYTES: RangeInclusive<i64> = 1_100_000..=1_000_000_000_000;

/// A message has to fit a request, where it takes half as much again and more.
const OFFLINE_TEXT: RangeInclusive<i64> = 1..=32_768;

/// How much of everything is allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Networks that the limits per address and the rates of their connections pass over, for
    /// example a gateway's.
    pub exempt: Vec<IpNet>,
    /// Connections to notification server and switchboard together.
    pub connections: usize,
    /// Of these, from one address.
    pub connections_per_address: usize,
    /// Of these, not yet signed in.
    pub unauthenticated_per_address: usize,
    /// Seconds that a connection may take to sign in.
    pub sign_in_secs: u64,
    /// Seconds after which a peer that takes no bytes is dropped.
    pub write_secs: u64,
    /// Seconds after which a peer whose machine answers nothing is given up.
    pub vanished_secs: u64,
    /// Commands a second on a notification connection, in the long run.
    pub commands_per_second: u32,
    /// Commands at once on a notification connection.
    pub commands_burst: u32,
    /// Messages a second on a switchboard connection, in the long run.
    pub messages_per_second: u32,
    /// Messages at once on a switchboard connection.
    pub messages_burst: u32,
    /// Events that may wait for one notification connection.
    pub ns_queue: usize,
    /// Events that may wait for one switchboard connection.
    pub sb_queue: usize,
    /// People in one conversation.
    pub room_members: usize,
    /// Conversations of one account at the same time.
    pub rooms_per_account: usize,
    /// Seconds after which a silent conversation is closed.
    pub room_idle_secs: u64,
    /// Contacts of one account.
    pub forward_list: u32,
    /// Entries on one account's allow list.
    pub allow_list: u32,
    /// Entries on one account's block list.
    pub block_list: u32,
    /// Circles that one account is in.
    pub circles_per_account: u32,
    /// People in one circle, those who are invited included.
    pub circle_members: u32,
    /// Bytes of a circle's name as it travels, percent-encoded.
    pub circle_name: usize,
    /// Entries of one account's address book, its contacts included.
    pub address_book: u32,
    /// Bytes written on the cards of one account's address book.
    pub card_bytes: u64,
    /// Bytes of the pictures of one account, the history of those it showed included.
    pub picture_bytes: u64,
    /// Mebibytes that the database may take before nothing large is added to it; 0 is no bound.
    pub database_mib: u64,
    /// Failed sign-ins a minute, for one account from one network.
    pub failed_sign_ins_per_minute: u32,
    /// Sign-ins of one account a minute, of those that succeed.
    pub sign_ins_per_minute: u32,
    /// Attempts to sign in a minute, from one address.
    pub sign_ins_per_address: u32,
    /// Changes of contacts, lists, groups and circles a minute, by one account.
    pub contact_changes_per_minute: u32,
    /// Such changes at once.
    pub contact_changes_burst: u32,
    /// Changes of status and personal message a minute, by one account.
    pub status_changes_per_minute: u32,
    /// Conversations opened a minute, by one account.
    pub room_opens_per_minute: u32,
    /// People called into conversations a minute, by one account.
    pub invitations_per_minute: u32,
    /// Calls of web services and downloads of lists a minute, by one account.
    pub web_calls_per_minute: u32,
    /// Such calls at once.
    pub web_calls_burst: u32,
    /// How many times as much as one of them all accounts or connections of one address may do,
    /// of commands and messages and of these six.
    pub address_factor: u32,
    /// How many times as much everybody together may do of the same, and of sign-ins.
    pub total_factor: u32,
    /// Messages that may wait for one account.
    pub offline_messages: u32,
    /// Of these, from one sender.
    pub offline_messages_per_sender: u32,
    /// Bytes of text in such a message.
    pub offline_message_bytes: usize,
    /// Such messages that one account may send in a minute.
    pub offline_sends_per_minute: u32,
    /// Days for which such a message waits; 0 is for ever.
    pub offline_message_days: u32,
    /// Connections to the web services.
    pub http_connections: usize,
    /// Handshakes of TLS a minute, from one network.
    pub handshakes_per_minute: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            exempt: Vec::new(),
            connections: 20_000,
            connections_per_address: 4_000,
            unauthenticated_per_address: 1_000,
            sign_in_secs: 60,
            write_secs: 20,
            vanished_secs: 120,
            commands_per_second: 100,
            commands_burst: 1_000,
            messages_per_second: 1_000,
            messages_burst: 2_000,
            ns_queue: 1_024,
            sb_queue: 512,
            room_members: 50,
            rooms_per_account: 100,
            room_idle_secs: 600,
            forward_list: 1_000,
            allow_list: 1_500,
            block_list: 1_200,
            circles_per_account: 50,
            circle_members: 50,
            circle_name: 180,
            address_book: 2_000,
            card_bytes: 4 * 1_024 * 1_024,
            picture_bytes: 8 * 1_024 * 1_024,
            database_mib: 0,
            failed_sign_ins_per_minute: 10,
            sign_ins_per_minute: 240,
            sign_ins_per_address: 6_000,
            contact_changes_per_minute: 600,
            contact_changes_burst: 6_000,
            status_changes_per_minute: 240,
            room_opens_per_minute: 240,
            invitations_per_minute: 480,
            web_calls_per_minute: 1_200,
            web_calls_burst: 6_000,
            address_factor: 20,
            total_factor: 1_000,
            offline_messages: 200,
            offline_messages_per_sender: 50,
            offline_message_bytes: 8_192,
            offline_sends_per_minute: 60,
            offline_message_days: 0,
            http_connections: 2_000,
            handshakes_per_minute: 600,
        }
    }
}

impl Limits {
    /// Every key, its kind and its range.
    pub(super) fn visit(&mut self, v: &mut Visitor) {
        v.section("limits");
        v.list("exempt", &mut self.exempt, read_network, Fewest::None);
        v.number("connections", &mut self.connections, MANY);
        v.number(
            "connections_per_address",
            &mut self.connections_per_address,
            MANY,
        );
        v.number(
            "unauthenticated_per_address",
            &mut self.unauthenticated_per_address,
            MANY,
        );
        v.number("sign_in_secs", &mut self.sign_in_secs, SECONDS);
        v.number("write_secs", &mut self.write_secs, SECONDS);
        v.number("vanished_secs", &mut self.vanished_secs, VANISHED);
        v.number("commands_per_second", &mut self.commands_per_second, MANY);
        v.number("commands_burst", &mut self.commands_burst, MANY);
        v.number("messages_per_second", &mut self.messages_per_second, MANY);
        v.number("messages_burst", &mut self.messages_burst, MANY);
        v.number("ns_queue", &mut self.ns_queue, QUEUE);
        v.number("sb_queue", &mut self.sb_queue, QUEUE);
        // A conversation has two people before it has more.
        v.number("room_members", &mut self.room_members, 2..=1_000);
        v.number("rooms_per_account", &mut self.rooms_per_account, MANY);
        v.number("room_idle_secs", &mut self.room_idle_secs, SECONDS);
        v.number("forward_list", &mut self.forward_list, LIST);
        v.number("allow_list", &mut self.allow_list, LIST);
        v.number("block_list", &mut self.block_list, LIST);
        v.number("address_book", &mut self.address_book, LIST);
        v.number(
            "circles_per_account",
            &mut self.circles_per_account,
            1..=1_000,
        );
        v.number("circle_members", &mut self.circle_members, 2..=1_000);
        // No longer than a person's name: it stands where theirs do.
        v.number("circle_name", &mut self.circle_name, 1..=387);
        v.number("card_bytes", &mut self.card_bytes, BYTES);
        v.number("picture_bytes", &mut self.picture_bytes, BYTES);
        v.number("database_mib", &mut self.database_mib, 0..=1_000_000_000);
        v.number(
            "failed_sign_ins_per_minute",
            &mut self.failed_sign_ins_per_minute,
            1..=10_000,
        );
        self.visit_rates(v);
        v.number("offline_messages", &mut self.offline_messages, WAITING);
        v.number(
            "offline_messages_per_sender",
            &mut self.offline_messages_per_sender,
            WAITING,
        );
        v.number(
            "offline_message_bytes",
            &mut self.offline_message_bytes,
            OFFLINE_TEXT,
        );
        v.number(
            "offline_sends_per_minute",
            &mut self.offline_sends_per_minute,
            1..=10_000,
        );
        v.number(
            "offline_message_days",
            &mut self.offline_message_days,
            0..=36_500,
        );
        v.number("http_connections", &mut self.http_connections, MANY);
        v.number(
            "handshakes_per_minute",
            &mut self.handshakes_per_minute,
            MANY,
        );
    }

    /// What one account and one address may do in a minute.
    fn visit_rates(&mut self, v: &mut Visitor) {
        v.number("sign_ins_per_minute", &mut self.sign_ins_per_minute, MANY);
        v.number("sign_ins_per_address", &mut self.sign_ins_per_address, MANY);
        v.number(
            "contact_changes_per_minute",
            &mut self.contact_changes_per_minute,
            MANY,
        );
        v.number(
            "contact_changes_burst",
            &mut self.contact_changes_burst,
            MANY,
        );
        v.number(
            "status_changes_per_minute",
            &mut self.status_changes_per_minute,
            MANY,
        );
        v.number(
            "room_opens_per_minute",
            &mut self.room_opens_per_minute,
            MANY,
        );
        v.number(
            "invitations_per_minute",
            &mut self.invitations_per_minute,
            MANY,
        );
        v.number("web_calls_per_minute", &mut self.web_calls_per_minute, MANY);
        v.number("web_calls_burst", &mut self.web_calls_burst, MANY);
        v.number("address_factor", &mut self.address_factor, 1..=100_000);
        v.number("total_factor", &mut self.total_factor, 1..=1_000_000);
    }
}
