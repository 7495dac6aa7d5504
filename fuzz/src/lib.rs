//! What is fuzzed, each as a function of some bytes that panics where the server is wrong.
//!
//! `main.rs` gives them to libFuzzer; `tests/it/fuzz.rs` of the server runs them over the committed
//! corpus, so what was found once stays mended. `docs/fuzzing.md` says how to run them, what each
//! takes its input for, and what was found.

mod alarm;
mod codec;
mod gateway;
mod line;
mod pages;
mod relay;
mod sessions;
mod soap;
mod texts;
mod world;

/// Something to fuzz.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its name, and that of its folder in `corpus`.
    pub name: &'static str,
    /// Panics if the server does with these bytes what it must not do with any.
    pub check: fn(&[u8]),
}

/// All of them.
pub const TARGETS: &[Target] = &[
    Target {
        name: "codec",
        check: codec::check,
    },
    Target {
        name: "texts",
        check: texts::check,
    },
    Target {
        name: "relay",
        check: relay::check,
    },
    Target {
        name: "sessions",
        check: sessions::check,
    },
    Target {
        name: "soap",
        check: soap::check,
    },
    Target {
        name: "gateway",
        check: gateway::check,
    },
    Target {
        name: "pages",
        check: pages::check,
    },
];

/// The target of this name.
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().copied().find(|target| target.name == name)
}
