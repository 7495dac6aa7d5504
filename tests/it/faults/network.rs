//! The network between server and clients: peers that vanish, a cut that heals, packets that are
//! lost. The server runs in a network of its own, at the other end of a virtual cable.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;
use tokio::time::sleep;

use super::stage::{SETTINGS, furnish_all, go_on};
use super::{is_full, is_sane, lasting, tool, try_tool};
use crate::support::child::{ChildServer, Launch};
use crate::support::numbers::Numbers;
use crate::support::people::chat;
use crate::support::scene::Bystanders;

static NEXT: AtomicU8 = AtomicU8::new(0);

/// A network namespace, and a cable to it.
#[derive(Debug)]
struct Network {
    name: String,
    /// Our end of the cable.
    cable: String,
    inside: IpAddr,
}

impl Network {
    fn new() -> Self {
        let (process, number) = (std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let third = (process % 250) as u8;
        let here = Ipv4Addr::new(10, 213, third, number * 4 + 1);
        let there = Ipv4Addr::new(10, 213, third, number * 4 + 2);
        let network = Self {
            name: format!("chrysalis-{process}-{number}"),
            cable: format!("chr{process}n{number}"),
            inside: there.into(),
        };
        let Self { name, cable, .. } = &network;
        tool(&["ip", "netns", "add", name]);
        let peer = "uplink";
        tool(&[
            "ip", "link", "add", cable, "type", "veth", "peer", "name", peer, "netns", name,
        ]);
        tool(&["ip", "addr", "add", &format!("{here}/30"), "dev", cable]);
        tool(&["ip", "link", "set", cable, "up"]);
        network.ip(&["addr", "add", &format!("{there}/30"), "dev", peer]);
        network.ip(&["link", "set", peer, "up"]);
        network.ip(&["link", "set", "lo", "up"]);
        network
    }

    /// Runs `ip` for the other end.
    fn ip(&self, words: &[&str]) {
        tool(&[&["ip", "-n", self.name.as_str()], words].concat());
    }

    /// Adds rules to what comes in there and what goes out.
    fn filter(&self, incoming: &str, outgoing: &str) {
        let rules = format!(
            "table inet faults {{ chain in {{ type filter hook input priority 0; {incoming}; }}; \
             chain out {{ type filter hook output priority 0; {outgoing}; }}; }}"
        );
        self.nft(&[&rules]);
    }

    fn nft(&self, words: &[&str]) -> String {
        let start = ["ip", "netns", "exec", self.name.as_str(), "nft"];
        tool(&[&start, words].concat())
    }

    /// Starts a server in there, with the bystanders out here.
    async fn stage(
        &self,
        names: &[&str],
        statements: &[&str],
        settings: &str,
    ) -> (TempDir, ChildServer, Bystanders) {
        let folder = tempfile::tempdir().unwrap();
        furnish_all(folder.path(), names, statements).await;
        let all = SETTINGS.replace("127.0.0.0/8", "10.0.0.0/8");
        let launch = Launch::on(folder.path(), &format!("{all}{settings}"))
            .at(self.inside)
            .by(&["ip", "netns", "exec", &self.name]);
        let server = launch.start().await;
        let bystanders = Bystanders::meet(&server.at, [5, 12]).await;
        (folder, server, bystanders)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        let _ = try_tool(&["ip", "link", "del", &self.cable]);
        let _ = try_tool(&["ip", "netns", "del", &self.name]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, ip and nft: it makes a network namespace"]
async fn peers_that_vanish_are_given_up_whether_or_not_something_is_on_the_way_to_them() {
    const VANISHED: u64 = 6;
    let network = Network::new();
    let settings = format!("limits.vanished_secs = {VANISHED}\n");
    let (_folder, server, mut bystanders) = network
        .stage(
            &["idle", "busy", "wendy"],
            &["@friends idle wendy", "@friends busy wendy"],
            &settings,
        )
        .await;
    let idle = server.at.sign_in("idle", 7).await;
    let busy = server.at.sign_in("busy", 7).await;
    let mut wendy = server.at.sign_in("wendy", 9).await;
    for person in ["idle", "busy"] {
        wendy.ns.patience = Duration::from_secs(VANISHED * 4);
        // In whatever order they are told.
        let _ = person;
    }
    // From one moment to the next nothing of them comes through, and nothing to them.
    let ports = [&idle, &busy].map(|person| person.ns.local().port().to_string());
    let ports = ports.join(", ");
    network.filter(
        &format!("tcp sport {{ {ports} }} drop"),
        &format!("tcp dport {{ {ports} }} drop"),
    );
    drop(idle);
    let start = Instant::now();
    // Something is on its way to one of them, again and again.
    let busy_port = busy.ns.local();
    drop(busy);
    let mut gone = Vec::new();
    let mut status = ["BSY", "NLN"].iter().cycle();
    while gone.len() < 2 {
        assert!(
            start.elapsed() < Duration::from_secs(VANISHED * 4),
            "{busy_port}: only {gone:?} are given up"
        );
        let trid = wendy.trid();
        let line = format!("CHG {trid} {} 268435500\r\nPNG\r\n", status.next().unwrap());
        wendy.ns.send(line.as_bytes()).await;
        loop {
            let frame = wendy.ns.until("").await;
            match frame.fields().as_slice() {
                [b"FLN", who, ..] => gone.push(String::from_utf8_lossy(who).into_owned()),
                [b"QNG", ..] => break,
                _ => {}
            }
        }
        go_on(&mut bystanders).await;
        sleep(Duration::from_millis(100)).await;
    }
    println!("given up after {:?} (the bound is {VANISHED} s)", start.elapsed());
    Numbers::until(server.ops, "their connections gone", |numbers| {
        numbers.get("chrysalis_signed_in_sessions") == 3
    })
    .await;
    go_on(&mut bystanders).await;
    // And they may come back.
    drop(server.at.sign_in("busy", 7).await);
    is_sane(&server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root and ip: it makes a network namespace"]
async fn a_cut_that_heals_ends_nothing_and_loses_nothing() {
    let network = Network::new();
    let (_folder, server, mut bystanders) = network.stage(&["trent", "wendy"], &[], "").await;
    let mut trent = server.at.sign_in("trent", 7).await;
    let mut wendy = server.at.sign_in("wendy", 12).await;
    let mut seat = trent.open_room().await;
    let mut other = wendy.join(&mut seat).await;
    tool(&["ip", "link", "set", &network.cable, "down"]);
    let start = Instant::now();
    for number in 0..100 {
        seat.say("U", &chat(&format!("number {number}"))).await;
    }
    let patience = lasting() * 3 + Duration::from_secs(10);
    other.sb.patience = patience;
    let heal = async {
        sleep(lasting() / 2).await;
        tool(&["ip", "link", "set", &network.cable, "up"]);
        Instant::now()
    };
    let hear = async {
        bystanders.talk_within(patience).await;
        for number in 0..100 {
            other
                .hears("trent", &chat(&format!("number {number}")))
                .await;
        }
        Instant::now()
    };
    let (healed, heard) = tokio::join!(heal, hear);
    println!(
        "cut for {:?}; everything was there {:?} after it healed",
        healed - start,
        heard - healed
    );
    go_on(&mut bystanders).await;
    let numbers = Numbers::read(server.ops).await;
    assert_eq!(numbers.closes("ns", "eof") + numbers.closes("sb", "eof"), 0);
    is_sane(&server.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "needs root, ip and nft: it makes a network namespace"]
async fn with_two_percent_of_all_packets_lost_every_message_arrives_in_order() {
    let messages = if is_full() { 20_000 } else { 3_000 };
    let network = Network::new();
    let (_folder, server, mut bystanders) = network.stage(&["trent", "wendy"], &[], "").await;
    let lost = "numgen random mod 100 < 2 counter drop";
    network.filter(lost, lost);
    let start = Instant::now();
    for dialect in [3, 7, 9, 11, 12, 15, 18] {
        drop(server.at.sign_in("trent", dialect).await);
    }
    let signed_in = start.elapsed() / 7;
    let mut trent = server.at.sign_in("trent", 7).await;
    let mut wendy = server.at.sign_in("wendy", 12).await;
    let mut seat = trent.open_room().await;
    let mut other = wendy.join(&mut seat).await;
    let body = |number: usize| chat(&format!("number {number} {}", "x".repeat(number % 900)));
    let start = Instant::now();
    let say = async {
        for number in 0..messages {
            // No more is on the way than the queue of a slow peer holds.
            if number % 100 == 99 {
                let trid = seat.say("A", &body(number)).await;
                seat.sb.until(&format!("ACK {trid}")).await;
            } else {
                seat.say("U", &body(number)).await;
            }
        }
    };
    let hear = async {
        for number in 0..messages {
            other.hears("trent", &body(number)).await;
        }
    };
    tokio::join!(say, hear);
    let took = start.elapsed();
    bystanders.talk_within(Duration::from_secs(20)).await;
    let table = network.nft(&["list", "table", "inet", "faults"]);
    let dropped: u64 = table
        .split("packets ")
        .skip(1)
        .filter_map(|rest| rest.split(' ').next()?.parse::<u64>().ok())
        .sum();
    assert!(dropped > 0, "{table}");
    println!(
        "{messages} messages in order in {took:?}, {dropped} packets lost; a sign-in takes \
         {signed_in:?}"
    );
    is_sane(&server.log());
}
