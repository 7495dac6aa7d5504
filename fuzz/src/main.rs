//! libFuzzer drives one of the functions, which `CHRYSALIS_FUZZ_TARGET` names.
#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;

static TARGET: OnceLock<fuzzed::Target> = OnceLock::new();

fuzz_target!(
    init: {
        let name = std::env::var("CHRYSALIS_FUZZ_TARGET").unwrap_or_default();
        let target = fuzzed::target(&name);
        let target = target.unwrap_or_else(|| panic!("CHRYSALIS_FUZZ_TARGET is no target: {name:?}"));
        let _ = TARGET.set(target);
    },
    |input: &[u8]| {
        if let Some(target) = TARGET.get() {
            (target.check)(input);
        }
    }
);
