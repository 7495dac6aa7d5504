//! What fuzzing found interesting, through the same functions as there: every file of
//! `fuzz/corpus` once (`docs/fuzzing.md`). A finding that was mended has its input among them.

use std::fs;
use std::path::Path;

use crate::fuzzed::{TARGETS, target};

/// Replays the corpus of a target, and says which input the server cannot bear.
fn replay(name: &str) {
    let target = target(name).unwrap();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(name);
    let mut inputs: Vec<_> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} is empty", folder.display());
    for input in inputs {
        let bytes = fs::read(&input).unwrap();
        let outcome = std::panic::catch_unwind(|| (target.check)(&bytes));
        assert!(outcome.is_ok(), "{} is not borne", input.display());
    }
}

#[test]
fn every_corpus_belongs_to_a_target() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus");
    for entry in fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name();
        let name = name.to_str().unwrap();
        assert!(TARGETS.iter().any(|target| target.name == name), "{name}");
    }
}

#[test]
fn frames_are_cut_alike() {
    replay("codec");
}

#[test]
fn texts_are_read_safely() {
    replay("texts");
}

#[test]
fn bodies_arrive_as_they_left() {
    replay("relay");
}

#[test]
fn sessions_bear_everything_that_is_said() {
    replay("sessions");
}

#[test]
fn web_services_bear_every_request() {
    replay("soap");
}

#[test]
fn the_gateway_bears_every_request() {
    replay("gateway");
}

#[test]
fn pages_bear_every_form() {
    replay("pages");
}
