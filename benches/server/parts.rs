//! What is measured.

use super::machine::{Hash, Machine, Measured, Place, Server};
use super::table::{Table, Target};

/// One table.
pub(crate) struct Part {
    pub(crate) name: &'static str,
    pub(crate) title: &'static str,
    pub(crate) run: fn(&mut Machine) -> anyhow::Result<Table>,
}

pub(crate) const PARTS: &[Part] = &[
    Part {
        name: "relay",
        title: "Messages in conversations of two, a second",
        run: relay,
    },
    Part {
        name: "rooms",
        title: "Deliveries in conversations of twenty, a second",
        run: rooms,
    },
    Part {
        name: "sign-in",
        title: "Sign-ins with a list of 100, a second",
        run: sign_in,
    },
    Part {
        name: "presence",
        title: "One person's status to 500 watchers of all generations",
        run: presence,
    },
    Part {
        name: "idle",
        title: "Signed-in people who do nothing, with 20 contacts",
        run: idle,
    },
    Part {
        name: "contacts",
        title: "Durable changes of contacts, a second",
        run: contacts,
    },
    Part {
        name: "web",
        title: "Address book of 300 contacts, and the HTTP gateway",
        run: web,
    },
    Part {
        name: "start",
        title: "Start with 100,000 accounts and 2,000,000 contacts",
        run: start,
    },
    Part {
        name: "growth",
        title: "Microseconds of the server for one operation, as it grows",
        run: growth,
    },
    Part {
        name: "scaling",
        title: "The same with two cores for server and load as with one",
        run: scaling,
    },
];

/// Conversations of two.
const PAIRS: usize = 200;

fn pairs<'a>(
    pairs: &'a str,
    in_flight: &'a str,
    size: &'a str,
    acknowledge: bool,
    bare: bool,
) -> Vec<&'a str> {
    let mut arguments = vec!["pairs", "--pairs", pairs, "--in-flight", in_flight];
    arguments.extend(["--size", size]);
    arguments.extend(acknowledge.then_some("--acknowledge"));
    arguments.extend(bare.then_some("--bare"));
    arguments
}

fn relay(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let count = machine.size(PAIRS, 10).to_string();
    let population = machine.population(1000, 20, Hash::Cheap);
    let sizes: &[&str] = if machine.is_short {
        &["200"]
    } else {
        &["200", "1500"]
    };
    for size in sizes {
        for acknowledge in [false, true] {
            for (in_flight, least) in [("1", 0.85), ("8", 0.6), ("64", 0.4)] {
                // Alone, a message is written alone; together, the relay that batches is the floor.
                let batch = in_flight != "1";
                let relay = machine.bare(batch, Place::First)?;
                let with = pairs(&count, in_flight, size, acknowledge, true);
                let bare = machine.load(&relay, Place::Second, &with)?;
                drop(relay);
                let server = machine.server(population, Place::First)?;
                let with = pairs(&count, in_flight, size, acknowledge, false);
                let ours = machine.load(&server, Place::Second, &with)?;
                let kind = if acknowledge {
                    "acknowledged"
                } else {
                    "not acknowledged"
                };
                let what = format!("{in_flight} in flight, {size} bytes, {kind}");
                let rates = (ours.per_second(), bare.per_second());
                let is_promised = *size == "200" && !acknowledge;
                let target = |target| if is_promised { target } else { Target::None };
                table.ratio(what.clone(), rates, target(Target::AtLeast(least)));
                let costs = (ours.cost(), bare.cost());
                let most = match in_flight {
                    "8" => target(Target::AtMost(2.0)),
                    _ => Target::None,
                };
                table.ratio(format!("{what}: µs of processor"), costs, most);
                if in_flight == "1" {
                    let medians = (ours.median(), bare.median());
                    table.ratio(format!("{what}: µs at the median"), medians, Target::None);
                }
            }
        }
    }
    Ok(table)
}

fn rooms(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let count = machine.size(20, 2).to_string();
    let population = machine.population(1000, 20, Hash::Cheap);
    for in_flight in ["1", "8"] {
        let mut with = vec!["rooms", "--rooms", &count, "--in-flight", in_flight];
        let server = machine.server(population, Place::First)?;
        let ours = machine.load(&server, Place::Second, &with)?;
        drop(server);
        let relay = machine.bare(true, Place::First)?;
        with.push("--bare");
        let bare = machine.load(&relay, Place::Second, &with)?;
        let rates = (ours.per_second(), bare.per_second());
        table.ratio(format!("{in_flight} in flight"), rates, Target::None);
    }
    Ok(table)
}

fn sign_in(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    for (method, hash, target) in [
        ("md5", Hash::Usual, Target::AtLeast(3000.0)),
        ("twn", Hash::Usual, Target::None),
        ("twn", Hash::Cheap, Target::None),
        ("sso", Hash::Usual, Target::None),
        ("sso", Hash::Cheap, Target::None),
    ] {
        let population = machine.population(2000, 100, hash);
        let server = machine.server(population, Place::First)?;
        let with = ["sign-in", "--method", method, "--contacts", "100"];
        let ours = machine.load(&server, Place::Second, &with)?;
        let hashing = match hash {
            Hash::Usual => "hashes as by default",
            Hash::Cheap => "next to no hashing",
        };
        let what = format!("{method}, {hashing}");
        table.value(what.clone(), ours.per_second(), target);
        table.value(
            format!("{what}: µs at the 99th percentile"),
            ours.p99(),
            Target::None,
        );
        table.value(
            format!("{what}: µs of processor"),
            ours.cost(),
            Target::None,
        );
    }
    Ok(table)
}

fn presence(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let watchers = machine.size(500, 50);
    let contacts = u32::try_from(watchers)?;
    let population = machine.population(1000, contacts, Hash::Cheap);
    let count = watchers.to_string();
    let server = machine.server(population, Place::First)?;
    let with = ["presence", "--watchers", &count, "--pace", "burst"];
    let burst = machine.load(&server, Place::Second, &with)?;
    drop(server);
    let least = Target::AtLeast(500_000.0);
    table.value("notices a second".to_owned(), burst.per_second(), least);
    table.value(
        "µs of processor for one".to_owned(),
        burst.cost(),
        Target::None,
    );
    let server = machine.server(population, Place::First)?;
    let with = ["presence", "--watchers", &count, "--pace", "single"];
    let single = machine.load(&server, Place::Second, &with)?;
    let most = Target::AtMost(5000.0);
    table.value(
        "µs to the last one, median".to_owned(),
        single.median(),
        most,
    );
    table.value(
        "µs to the last one, p99".to_owned(),
        single.p99(),
        Target::None,
    );
    Ok(table)
}

fn idle(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let sessions = machine.size(10_000, 200);
    let population = machine.population(20_000, 20, Hash::Cheap);
    let server = machine.server(population, Place::First)?;
    let with = ["idle", "--sessions", &sessions.to_string()];
    let ours = machine.load(&server, Place::Second, &with)?;
    let most = Target::AtMost(12.0 * 1024.0);
    let each = ours.more("bytes a session");
    table.value(format!("bytes a session, {sessions} sessions"), each, most);
    let later = ours.more("bytes a session, later");
    table.value("bytes a session at the end".to_owned(), later, most);
    let most = Target::AtMost(1.0);
    table.value("percent of a processor".to_owned(), ours.processor(), most);
    Ok(table)
}

fn contacts(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let population = machine.population(2000, 20, Hash::Cheap);
    for (people, in_flight, list) in [
        ("64", "1", "forward"),
        ("256", "1", "forward"),
        ("256", "4", "forward"),
        ("256", "4", "block"),
    ] {
        let server = machine.server(population, Place::First)?;
        let with = [
            "contacts",
            "--people",
            people,
            "--in-flight",
            in_flight,
            "--list",
            list,
        ];
        let ours = machine.load(&server, Place::Second, &with)?;
        let what = format!("{people} people, {in_flight} in flight, {list} list");
        table.value(what, ours.per_second(), Target::AtLeast(8000.0));
    }
    Ok(table)
}

fn web(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let population = machine.population(1000, 300, Hash::Cheap);
    let server = machine.server(population, Place::First)?;
    let books = machine.load(&server, Place::Second, &["abfindall"])?;
    table.value(
        "address books a second".to_owned(),
        books.per_second(),
        Target::None,
    );
    table.value("µs at the median".to_owned(), books.median(), Target::None);
    let gateway = machine.load(&server, Place::Second, &["gateway"])?;
    let what = "messages through the gateway a second".to_owned();
    table.value(what, gateway.per_second(), Target::None);
    table.value(
        "µs of processor for one".to_owned(),
        gateway.cost(),
        Target::None,
    );
    Ok(table)
}

fn start(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let population = machine.population(100_000, 20, Hash::Cheap);
    let server = machine.server(population, Place::First)?;
    // Up to the moment at which somebody is signed in with the whole list.
    let first = machine.crowd(&server, 0, 1)?;
    let up = server.started.elapsed().as_secs_f64();
    drop(first);
    let what = "seconds to the first sign-in".to_owned();
    table.value(what, up, Target::AtMost(1.0));
    let most = Target::AtMost(200.0);
    table.value(
        "MB resident after a sign-in".to_owned(),
        server.resident() / 1e6,
        most,
    );
    Ok(table)
}

fn growth(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let mut before: Option<[f64; 3]> = None;
    for accounts in [1000, 10_000, 100_000] {
        let population = machine.population(accounts, 20, Hash::Cheap);
        let server = machine.server(population, Place::First)?;
        let costs = operations(machine, &server)?;
        grow(
            &mut table,
            &format!("{} accounts", population.accounts),
            costs,
            &mut before,
        );
    }
    let mut before = None;
    for sessions in [100, 1000, 9000] {
        let sessions = machine.size(sessions, sessions.min(200));
        let population = machine.population(20_000, 20, Hash::Cheap);
        let server = machine.server(population, Place::First)?;
        // They are people whom nothing that is measured has to do with.
        let first = 1000.min(population.accounts - u32::try_from(sessions)? - 1);
        let crowd = machine.crowd(&server, first, sessions)?;
        let costs = operations(machine, &server)?;
        drop(crowd);
        grow(
            &mut table,
            &format!("{sessions} sessions"),
            costs,
            &mut before,
        );
    }
    Ok(table)
}

/// The three operations that everybody's day is made of.
const OPERATIONS: [&str; 3] = ["sign-in", "message", "change of contact"];

fn operations(machine: &Machine, server: &Server) -> anyhow::Result<[f64; 3]> {
    let measure = |arguments: &[&str]| -> anyhow::Result<f64> {
        Ok(machine.load(server, Place::Second, arguments)?.cost())
    };
    Ok([
        measure(&["sign-in", "--people", "500"])?,
        measure(&["pairs", "--pairs", "50", "--in-flight", "8"])?,
        measure(&["contacts", "--people", "64"])?,
    ])
}

fn grow(table: &mut Table, size: &str, costs: [f64; 3], before: &mut Option<[f64; 3]>) {
    let first = *before.get_or_insert(costs);
    for ((operation, cost), first) in OPERATIONS.iter().zip(costs).zip(first) {
        let what = format!("{operation}, {size} (beside the smallest)");
        table.ratio(what, (cost, first), Target::AtMost(1.2));
    }
}

fn scaling(machine: &mut Machine) -> anyhow::Result<Table> {
    let mut table = Table::default();
    let count = machine.size(PAIRS, 10).to_string();
    let messages = pairs(&count, "8", "200", false, false);
    let relay: (&str, &[&str]) = ("messages, 8 in flight", &messages);
    let entry: (&str, &[&str]) = ("MD5 sign-ins", &["sign-in", "--contacts", "100"]);
    for (what, arguments) in [relay, entry] {
        let population = machine.population(2000, 100, Hash::Cheap);
        let mut rate = |place| -> anyhow::Result<f64> {
            let server = machine.server(population, place)?;
            let measured: Measured = machine.load(&server, place, arguments)?;
            Ok(measured.per_second())
        };
        // The second column is what one core carries.
        let both = (rate(Place::Both)?, rate(Place::First)?);
        table.ratio(what.to_owned(), both, Target::AtLeast(1.6));
    }
    // How far this machine and this load go at all.
    let bare = pairs(&count, "8", "200", false, true);
    let rate = |place| -> anyhow::Result<f64> {
        let relay = machine.bare(true, place)?;
        Ok(machine.load(&relay, place, &bare)?.per_second())
    };
    let both = (rate(Place::Both)?, rate(Place::First)?);
    let what = "the bare relay itself, 8 in flight".to_owned();
    table.ratio(what, both, Target::None);
    Ok(table)
}
