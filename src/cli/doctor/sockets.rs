//! Which program listens on a port, from what Linux shows in `/proc`.
//!
//! Only programs of the same user are seen, unless it is root who asks; then nothing is said.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;

/// The state of a listening socket in `/proc/net/tcp`.
const LISTENING: &str = "0A";

/// Name and number of the process that listens on the port of an address.
pub(super) fn owner(address: SocketAddr) -> Option<String> {
    let socket = ["/proc/net/tcp", "/proc/net/tcp6"]
        .into_iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| inode(&table, address.port()).map(str::to_owned))?;
    let wanted = format!("socket:[{socket}]");
    let processes = fs::read_dir("/proc").ok()?.flatten();
    // Among others there are links to whoever asks.
    let numbers = processes.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let (number, process) = numbers
        .map(|number| (number, Path::new("/proc").join(number.to_string())))
        .find(|(_, process)| has_open(process, &wanted))?;
    let name = fs::read_to_string(process.join("comm")).ok()?;
    Some(format!("{}, process {number}", name.trim()))
}

/// The number of the socket that listens on a port.
fn inode(table: &str, port: u16) -> Option<&str> {
    let wanted = format!(":{port:04X}");
    table.lines().skip(1).find_map(|line| {
        let mut fields = line.split_whitespace();
        let local = fields.nth(1)?;
        let state = fields.nth(1)?;
        let inode = fields.nth(5)?;
        (local.ends_with(&wanted) && state == LISTENING).then_some(inode)
    })
}

fn has_open(process: &Path, wanted: &str) -> bool {
    let Ok(files) = fs::read_dir(process.join("fd")) else {
        return false;
    };
    files
        .flatten()
        .filter_map(|file| fs::read_link(file.path()).ok())
        .any(|target| target.as_os_str() == wanted)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn a_listener_of_ours_is_this_process() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let owner = owner(listener.local_addr().unwrap()).unwrap();
        let number = std::process::id();
        assert!(owner.ends_with(&format!("process {number}")), "{owner}");
    }

    #[test]
    fn a_port_is_found_by_its_number_and_state() {
        let table = "  sl  local_address rem_address   st tx rx tr tm retrnsmt   uid  timeout inode\n\
            0: 0100007F:0747 00000000:0000 01 00000000:00000000 00:00000000 00000000 0 0 77 1\n\
            1: 0100007F:0747 00000000:0000 0A 00000000:00000000 00:00000000 00000000 0 0 88 1\n";
        assert_eq!(inode(table, 1863), Some("88"));
        assert_eq!(inode(table, 80), None);
    }
}
