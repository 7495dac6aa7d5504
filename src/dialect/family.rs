//! Kinds of clients that speak the same version and still need different words.
//!
//! A client tells what it is in its report of its version, so that is where families are told
//! apart. Whoever is not recognised gets what the official clients got.

/// A kind of client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientFamily {
    #[default]
    Official,
    /// aMSN, which announces itself as a beta that never spoke these versions
    /// (`docs/protocol/02 §6.5`).
    Amsn,
    /// Programs on msnp11-sdk, whatever they call themselves.
    Msnp11Sdk,
}

/// The part of a client's report that families are told apart by.
#[derive(Debug, Clone, Copy)]
pub struct ClientReport<'a> {
    pub system_version: &'a str,
    pub library: &'a str,
    /// Absent in the oldest clients' reports.
    pub code_base: Option<&'a str>,
}

impl ClientFamily {
    /// Recognises a client.
    pub fn of(report: ClientReport<'_>) -> Self {
        // The library lets a program choose its name, but always reports Windows 10 together with
        // the code base in small letters; no official client of its time knew that system.
        let is_sdk = report.library.eq_ignore_ascii_case("msnp11-sdk")
            || (report.system_version == "10" && report.code_base == Some("msmsgs"));
        if is_sdk {
            Self::Msnp11Sdk
        } else if report.library.eq_ignore_ascii_case("MSG80BETA") {
            Self::Amsn
        } else {
            Self::Official
        }
    }

    /// Whether such a client may have somebody on the allow and the block list at once.
    ///
    /// COMPAT: msnp11-sdk blocks by `ADC BL` first and `REM AL` then, and waits for ever if it is
    /// refused with 219; the official clients begin with `REM` (`docs/protocol/02 §2`).
    pub fn adds_before_removing(self) -> bool {
        match self {
            Self::Msnp11Sdk => true,
            Self::Official | Self::Amsn => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn family(system_version: &str, library: &str, code_base: Option<&str>) -> ClientFamily {
        ClientFamily::of(ClientReport {
            system_version,
            library,
            code_base,
        })
    }

    #[test]
    fn families_are_told_by_their_reports() {
        let official = family("5.1", "MSNMSGR", Some("MSMSGS"));
        assert_eq!(official, ClientFamily::Official);
        assert_eq!(family("98", "MSMSGS", None), ClientFamily::Official);
        let amsn = family("5.1", "MSG80BETA", Some("msmsgs"));
        assert_eq!(amsn, ClientFamily::Amsn);
        let by_name = family("5.1", "msnp11-sdk", None);
        assert_eq!(by_name, ClientFamily::Msnp11Sdk);
        let by_habit = family("10", "Icedm", Some("msmsgs"));
        assert_eq!(by_habit, ClientFamily::Msnp11Sdk);
    }
}
