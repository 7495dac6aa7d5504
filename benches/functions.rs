//! Function benches.
fn main() {
    divan::main();
}
