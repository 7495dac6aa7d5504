//! What a process and its children use: processor time and memory, from the kernel's own books.

use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;

/// Something to watch.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process(u32);

impl Process {
    /// The one with this number; `None` where the kernel tells nothing of it.
    pub(crate) fn watch(pid: u32) -> Option<Self> {
        stat(pid).map(|_| Self(pid))
    }

    /// This program.
    pub(crate) fn own() -> Option<Self> {
        Self::watch(std::process::id())
    }

    /// Processor time since it started, that of its living and ended children included.
    pub(crate) fn processor(self) -> Duration {
        self.family().into_iter().filter_map(stat).sum()
    }

    /// Bytes of memory that are resident, those of its children included.
    pub(crate) fn resident(self) -> u64 {
        self.family().into_iter().filter_map(resident).sum()
    }

    /// Its number, and those of all that descend from it.
    fn family(self) -> BTreeSet<u32> {
        let mut family = BTreeSet::new();
        let mut open = vec![self.0];
        while let Some(pid) = open.pop() {
            if family.insert(pid) {
                open.extend(children(pid));
            }
        }
        family
    }
}

/// The children of all its threads.
fn children(pid: u32) -> Vec<u32> {
    let threads = fs::read_dir(format!("/proc/{pid}/task"));
    threads
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|text| {
            let numbers = text.split_whitespace().map(str::parse);
            numbers.flatten().collect::<Vec<u32>>()
        })
        .collect()
}

/// Processor time of a process, and of its children that it has waited for.
fn stat(pid: u32) -> Option<Duration> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    processor_time(&text, rustix::param::clock_ticks_per_second())
}

/// The name of the program, in brackets, may have blanks and brackets of its own.
fn processor_time(text: &str, ticks_per_second: u64) -> Option<Duration> {
    let (_, fields) = text.rsplit_once(')')?;
    // The first field here is the third one of the line.
    let ticks: u64 = fields
        .split_whitespace()
        .skip(11)
        .take(4)
        .map(|field| field.parse::<u64>().unwrap_or_default())
        .sum();
    let micros = ticks.saturating_mul(1_000_000) / ticks_per_second.max(1);
    Some(Duration::from_micros(micros))
}

/// From the page tables where one may read them, or else from the kernel's own count.
fn resident(pid: u32) -> Option<u64> {
    let exact = fs::read_to_string(format!("/proc/{pid}/smaps_rollup"));
    let exact = exact.ok().and_then(|text| kilobytes(&text, "Rss:"));
    exact.or_else(|| {
        let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        kilobytes(&text, "VmRSS:")
    })
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let number: u64 = line.split_whitespace().next()?.parse().ok()?;
    Some(number * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_that_of_the_process_and_its_children() {
        let line = "7 (a ) b) S 1 7 7 0 -1 0 0 0 0 0 100 20 3 1 20 0 8 0 1 2";
        assert_eq!(processor_time(line, 100), Some(Duration::from_millis(1240)));
    }

    #[test]
    fn memory_is_told_in_kilobytes() {
        assert_eq!(
            kilobytes("VmHWM:  9 kB\nVmRSS:\t  12 kB\n", "VmRSS:"),
            Some(12_288)
        );
        assert_eq!(kilobytes("", "Rss:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_uses_memory() {
        let own = Process::own().unwrap();
        assert!(own.resident() > 100_000);
    }
}
