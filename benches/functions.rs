//! Single functions: `cargo bench --bench functions`.
//!
//! Below the table of divan stands how the decoder compares with the most naive one, measured in
//! the same run, so that the figure means the same on another machine.

#![expect(clippy::print_stdout, reason = "a ratio is what it is for")]
#![expect(clippy::unwrap_used, reason = "a bench fails by panicking")]

#[path = "functions/soap.rs"]
mod soap;

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;
use chrysalis::dialect::Dialect;
use chrysalis::dialect::switchboard;
use chrysalis::hub::{Entrance, Hub, OnlineGuard, RoomLimits, StateChange};
use chrysalis::mailbox::{Inbox, mailbox};
use chrysalis::model::{
    Address, Capabilities, ClientTrace, DialectTag, Label, ListSet, NsEvent, Place, Presence,
    PresenceNews, Privacy, Sender, Standing, Status, UserId, Writings,
};
use chrysalis::product::Product;
use chrysalis::service::legacy::LegacyChallenges;
use chrysalis::store::{LegacySecret, ListLimits, NewAccount, PasswordRecord, Setting, Store};
use chrysalis::wire::{Frame, FrameCodec, Outbox, Role};
use divan::Bencher;
use divan::counter::ItemsCount;
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio_util::codec::{Decoder as _, Encoder as _};

/// Messages that are decoded together.
const MESSAGES: usize = 64;
/// Who hears of a change of status.
const WATCHERS: usize = 500;
/// Changes that are written together.
const WRITES: usize = 64;

fn main() {
    divan::main();
    let (ours, naive) = (
        time(|| decode(stream())),
        time(|| decode_naively(&stream())),
    );
    let ratio = naive.as_secs_f64() / ours.as_secs_f64();
    println!(
        "\ndecoding {MESSAGES} messages: {ratio:.1} times as fast as splitting lines into strings"
    );
}

/// How long it takes at best, of many times.
fn time<T>(mut work: impl FnMut() -> T) -> Duration {
    let once = |_| {
        let start = Instant::now();
        black_box(work());
        start.elapsed()
    };
    (0..2000).map(once).min().unwrap_or_default()
}

fn stream() -> BytesMut {
    let body = "x".repeat(200);
    let messages = (0..MESSAGES).map(|number| format!("MSG {number} A 200\r\n{body}"));
    BytesMut::from(messages.collect::<String>().as_bytes())
}

fn decode(mut buffer: BytesMut) -> Vec<Frame> {
    let mut codec = FrameCodec::new(Role::Switchboard);
    let mut frames = Vec::with_capacity(MESSAGES);
    while let Some(frame) = codec.decode(&mut buffer).unwrap() {
        frames.push(frame);
    }
    assert_eq!(frames.len(), MESSAGES);
    frames
}

/// What one writes first: every field and every payload a value of its own.
fn decode_naively(buffer: &[u8]) -> Vec<(Vec<String>, Vec<u8>)> {
    let mut rest = buffer;
    let mut frames = Vec::new();
    while let Some(end) = rest.windows(2).position(|two| two == b"\r\n") {
        let (line, behind) = rest.split_at(end);
        let line = String::from_utf8_lossy(line).into_owned();
        let fields: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let length: usize = fields.last().unwrap().parse().unwrap();
        let (payload, behind) = behind.split_at(2).1.split_at(length);
        frames.push((fields, payload.to_vec()));
        rest = behind;
    }
    assert_eq!(frames.len(), MESSAGES);
    frames
}

#[divan::bench]
fn codec_decode(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(stream)
        .bench_values(decode);
}

#[divan::bench]
fn codec_decode_naive(bencher: Bencher<'_, '_>) {
    bencher
        .counter(ItemsCount::new(MESSAGES))
        .with_inputs(stream)
        .bench_values(|buffer| decode_naively(&buffer));
}

#[divan::bench]
fn codec_encode(bencher: Bencher<'_, '_>) {
    let frames = decode(stream());
    bencher.counter(ItemsCount::new(MESSAGES)).bench(|| {
        let mut codec = FrameCodec::new(Role::Switchboard);
        let mut buffer = BytesMut::with_capacity(MESSAGES * 256);
        for frame in &frames {
            codec.encode(frame.clone(), &mut buffer).unwrap();
        }
        buffer
    });
}

#[divan::bench]
fn render_message(bencher: Bencher<'_, '_>) {
    let from = Sender {
        address: address(1),
        name: Label::from_stored("Somebody%20I%20know"),
    };
    let body = [b'x'; 200];
    bencher.bench(|| {
        let mut out = Outbox::default();
        switchboard::message(&from, &body, &mut out);
        out.take()
    });
}

fn presence() -> Presence {
    Presence {
        user: UserId(1),
        address: address(1),
        name: Label::from_stored("Somebody%20I%20know"),
        status: Status::Busy,
        capabilities: Capabilities {
            basic: 1_342_558_252,
            extended: 48,
        },
        picture: None,
        message: Arc::default(),
        endpoints: Arc::default(),
        writings: Writings::default(),
    }
}

fn dialects() -> impl Iterator<Item = String> {
    Dialect::all().map(Dialect::name)
}

fn dialect(name: &str) -> Dialect {
    Dialect::all()
        .find(|dialect| dialect.name() == name)
        .unwrap()
}

#[divan::bench(args = dialects())]
fn render_status(bencher: Bencher<'_, '_>, name: &str) {
    render(bencher, name, PresenceNews::State);
}

#[divan::bench(args = dialects())]
fn render_appearance(bencher: Bencher<'_, '_>, name: &str) {
    render(bencher, name, PresenceNews::Appeared);
}

fn render(bencher: Bencher<'_, '_>, name: &str, news: PresenceNews) {
    let (dialect, presence) = (dialect(name), presence());
    bencher.bench(|| {
        let mut out = Outbox::default();
        dialect.presence_news(&presence, news, &mut out);
        out.take()
    });
}

#[divan::bench(args = dialects())]
fn render_offline(bencher: Bencher<'_, '_>, name: &str) {
    let (dialect, address) = (dialect(name), address(1));
    bencher.bench(|| {
        let mut out = Outbox::default();
        dialect.offline(&address, &mut out);
        out.take()
    });
}

fn address(number: i64) -> Address {
    Address::parse(&format!("u{number}@example.com")).unwrap()
}

fn enter(hub: &Hub, number: i64, contact: i64) -> (OnlineGuard, Inbox<NsEvent>) {
    let (mailbox, inbox) = mailbox(1024);
    let lists = HashMap::from([(UserId(contact), ListSet::from_bits(11))]);
    let guard = hub.enter(Entrance {
        user: UserId(number),
        address: address(number),
        name: Label::from_stored("name"),
        message: Arc::default(),
        standing: Standing {
            revision: 1,
            privacy: Privacy::AllowOthers,
            lists,
        },
        session: hub.new_session(),
        mailbox,
        dialect: DialectTag(8),
        place: Place::Only(None),
        grant: None,
        client: ClientTrace::default(),
    });
    (guard, inbox)
}

fn state(status: Status) -> StateChange {
    StateChange {
        status,
        capabilities: Capabilities::default(),
        picture: None,
    }
}

/// One change of status to everybody's queue, and out of it again.
#[divan::bench]
fn hub_fan_out(bencher: Bencher<'_, '_>) {
    let hub = Hub::new(RoomLimits::default());
    let (one, _inbox) = enter(&hub, 0, 1);
    let mut watchers = Vec::with_capacity(WATCHERS);
    for number in 1..=i64::try_from(WATCHERS).unwrap() {
        let (guard, inbox) = enter(&hub, number, 0);
        hub.set_state(&guard, state(Status::Online));
        watchers.push((guard, inbox));
    }
    // What their own arrival caused is not to be counted.
    hub.set_state(&one, state(Status::Online));
    for (_, inbox) in &mut watchers {
        inbox.drain();
    }
    let statuses = [Status::Busy, Status::Away];
    let mut turns = statuses.into_iter().cycle();
    bencher
        .counter(ItemsCount::new(WATCHERS))
        .bench_local(move || {
            hub.set_state(&one, state(turns.next().unwrap()));
            for (_, inbox) in &mut watchers {
                assert_eq!(inbox.drain().len(), 1);
            }
        });
}

#[divan::bench]
fn challenge_digest(bencher: Bencher<'_, '_>) {
    let product = Product::named("PROD0061VRRZH@4F").unwrap();
    bencher.bench(|| product.digest(black_box("15570131571988941333")));
}

#[divan::bench]
fn challenge_proof(bencher: Bencher<'_, '_>) {
    let product = Product::named("PROD0090YUAUV{2B").unwrap();
    bencher.bench(|| product.proof(black_box("15570131571988941333")));
}

#[divan::bench]
fn md5_sign_in(bencher: Bencher<'_, '_>) {
    let challenges = LegacyChallenges::new([7; 32]);
    let secret = LegacySecret {
        salt: "1234567890.1".to_owned(),
        digest: "0123456789abcdef0123456789abcdef".to_owned(),
    };
    bencher.bench(|| challenges.matches(Some(&secret), black_box(&secret.digest)));
}

/// A store with an account, in a folder that goes with it.
fn store(runtime: &Runtime) -> (Store, UserId, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("chrysalis.db");
    runtime.block_on(async {
        let store = Store::open(&path, ListLimits::default()).await.unwrap();
        let new = NewAccount {
            address: address(1),
            name: Label::from_stored("name"),
            password: PasswordRecord {
                full: String::new(),
                first16: None,
            },
            legacy: None,
        };
        let user = store.create_account(new).await.unwrap().unwrap();
        (store, user, folder)
    })
}

/// Durable changes that wait together share their commits.
#[divan::bench(args = [1, WRITES])]
fn store_writes(bencher: Bencher<'_, '_>, together: usize) {
    let runtime = Runtime::new().unwrap();
    let (store, user, _folder) = store(&runtime);
    let names = ["one", "two"];
    let mut turns = names.into_iter().cycle();
    bencher.counter(ItemsCount::new(together)).bench_local(|| {
        runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..together {
                let name = Label::from_stored(turns.next().unwrap());
                let store = store.clone();
                tasks.spawn(async move {
                    let setting = Setting::Name(name);
                    store.change_setting(user, setting, |_| ()).await.is_ok()
                });
            }
            assert!(tasks.join_all().await.into_iter().all(|written| written));
        });
    });
}
