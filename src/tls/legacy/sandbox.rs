//! What the child gives up before it hears from anybody: files, new connections, the memory that
//! a fault could take, and the picture of its memory that a crash would leave.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Memory for data. Two thousand connections take a tenth of it.
const MEMORY: u64 = 1024 * 1024 * 1024;
/// Handles beside those of connections.
const SPARE_HANDLES: u64 = 64;

/// Keeps the process out of all files and from opening connections over TCP. What is open stays
/// usable, and so are Unix sockets. Where the system cannot do that, it is left out.
///
/// Has to come before any other thread starts: it holds for the threads that come after it.
pub(super) fn close_off() -> Result<(), String> {
    bound(Resource::Core, 0);
    bound(Resource::Data, MEMORY);
    #[cfg(target_os = "linux")]
    refuse_files().map_err(|error| error.to_string())?;
    Ok(())
}

#[cfg(target_os = "linux")]
fn refuse_files() -> Result<(), landlock::RulesetError> {
    use landlock::{ABI, Access as _, AccessFs, AccessNet, Ruleset, RulesetAttr as _};
    // Older kernels know a part of it or nothing; the library then does what there is. No rule
    // follows, so nothing is allowed of what is named here.
    Ruleset::default()
        .handle_access(AccessFs::from_all(ABI::V5))?
        .handle_access(AccessNet::from_all(ABI::V5))?
        .create()?
        .restrict_self()
        .map(drop)
}

/// Room for so many connections, each of them two sockets, and for no more.
pub(super) fn bound_handles(connections: usize) {
    let wanted = u64::try_from(connections).unwrap_or(u64::MAX);
    bound(
        Resource::Nofile,
        wanted.saturating_mul(2).saturating_add(SPARE_HANDLES),
    );
}

/// Sets a bound, or the system's own if that is lower.
fn bound(resource: Resource, wanted: u64) {
    let most = getrlimit(resource).maximum;
    let wanted = most.map_or(wanted, |most| most.min(wanted));
    let limit = Rlimit {
        current: Some(wanted),
        maximum: Some(wanted),
    };
    // Lowering one's own bound is always allowed.
    let _ = setrlimit(resource, limit);
}
