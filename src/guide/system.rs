//! The systems that clients run on: where their hosts file is, and what they can do in TLS.

/// A system, as far as the way to connect depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum System {
    /// Windows 95, 98 and Me.
    Windows9x,
    /// Windows NT 4.0.
    WindowsNt,
    /// Windows 2000.
    Windows2000,
    /// Windows XP before its third service pack, and Server 2003.
    WindowsXpOld,
    /// Windows XP with its third service pack.
    WindowsXp,
    /// Windows Vista.
    WindowsVista,
    /// Windows 7.
    Windows7,
    /// Windows 8 and 8.1.
    Windows8,
    /// Windows 10 and 11.
    Windows10,
    /// Mac OS 8 and 9.
    MacClassic,
    /// Mac OS X and macOS up to 10.14.
    MacOsX,
    /// Linux, the BSDs and their like.
    Unix,
    /// Windows CE, Pocket PC and Windows Mobile.
    PocketPc,
    /// A box or a phone that has no settings to speak of.
    Device,
}

/// One row of [`System::facts`].
#[derive(Debug, Clone, Copy)]
struct Facts {
    key: &'static str,
    name: &'static str,
    /// Path of the hosts file; empty where there is none to edit.
    hosts: &'static str,
    tls: &'static str,
}

impl System {
    /// All of them, older ones first.
    pub const ALL: [Self; 14] = [
        Self::Windows9x,
        Self::WindowsNt,
        Self::Windows2000,
        Self::WindowsXpOld,
        Self::WindowsXp,
        Self::WindowsVista,
        Self::Windows7,
        Self::Windows8,
        Self::Windows10,
        Self::MacClassic,
        Self::MacOsX,
        Self::Unix,
        Self::PocketPc,
        Self::Device,
    ];

    /// The one with this key.
    pub fn named(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.key() == key)
    }

    /// Its word in addresses and at the command line.
    pub fn key(self) -> &'static str {
        self.facts().key
    }

    /// What people call it.
    pub fn name(self) -> &'static str {
        self.facts().name
    }

    /// Where its hosts file is, if it has one.
    pub fn hosts_path(self) -> Option<&'static str> {
        Some(self.facts().hosts).filter(|path| !path.is_empty())
    }

    /// What it can do in TLS, in sentences (`docs/protocol/24 §4`).
    pub fn tls(self) -> &'static str {
        self.facts().tls
    }

    /// Whether it is a Windows for desktops.
    pub fn is_windows(self) -> bool {
        matches!(
            self,
            Self::Windows9x
                | Self::WindowsNt
                | Self::Windows2000
                | Self::WindowsXpOld
                | Self::WindowsXp
                | Self::WindowsVista
                | Self::Windows7
                | Self::Windows8
                | Self::Windows10
        )
    }

    /// Whether programs need to be started as administrator before they may change the system.
    pub fn has_elevation(self) -> bool {
        matches!(
            self,
            Self::WindowsVista | Self::Windows7 | Self::Windows8 | Self::Windows10
        )
    }

    /// Whether its TLS is so old that a modern server refuses to speak it.
    pub fn has_old_tls(self) -> bool {
        matches!(
            self,
            Self::Windows9x
                | Self::WindowsNt
                | Self::Windows2000
                | Self::WindowsXpOld
                | Self::WindowsXp
                | Self::WindowsVista
                | Self::MacClassic
                | Self::MacOsX
                | Self::PocketPc
        )
    }

    #[rustfmt::skip]
    fn facts(self) -> Facts {
        let row = |key, name, hosts, tls| Facts { key, name, hosts, tls };
        match self {
            Self::Windows9x => row("win9x", "Windows 95, 98 or Me", r"C:\WINDOWS\HOSTS",
                "SSL 3, and TLS 1.0 with Internet Explorer 5 or later, where it is often unticked. RC4 or 3DES with RSA. It trusts certificates signed with SHA-1 only, and knows no server names (SNI)."),
            Self::WindowsNt => row("winnt", "Windows NT 4.0", r"C:\WINNT\system32\drivers\etc\hosts",
                "SSL 3, and TLS 1.0 with Internet Explorer 5 or later, where it is often unticked. RC4 or 3DES with RSA. It trusts certificates signed with SHA-1 only, and knows no server names (SNI)."),
            Self::Windows2000 => row("win2000", "Windows 2000", r"C:\WINNT\system32\drivers\etc\hosts",
                "SSL 3 and TLS 1.0, RC4 or 3DES with RSA. It trusts certificates signed with SHA-1 only, and knows no server names (SNI)."),
            Self::WindowsXpOld => row("xp-sp2", "Windows XP up to SP2, Server 2003", r"C:\WINDOWS\system32\drivers\etc\hosts",
                "SSL 3 and TLS 1.0, RC4 or 3DES with RSA. It trusts certificates signed with SHA-1 only (Service Pack 3 adds SHA-256), and knows no server names (SNI)."),
            Self::WindowsXp => row("xp", "Windows XP SP3", r"C:\WINDOWS\system32\drivers\etc\hosts",
                "TLS 1.0 with 3DES or RC4 and RSA; no AES, no elliptic curves, no server names (SNI). In Internet Explorer 6 tick TLS 1.0 under Tools, Internet Options, Advanced."),
            Self::WindowsVista => row("vista", "Windows Vista", r"C:\Windows\System32\drivers\etc\hosts",
                "TLS 1.0 with AES, with RSA or elliptic curves. It knows server names (SNI) and SHA-256."),
            Self::Windows7 => row("win7", "Windows 7", r"C:\Windows\System32\drivers\etc\hosts",
                "TLS 1.0 as it comes; TLS 1.1 and 1.2 can be ticked under Internet Options, Advanced, and should be."),
            Self::Windows8 => row("win8", "Windows 8 or 8.1", r"C:\Windows\System32\drivers\etc\hosts",
                "TLS 1.0 to 1.2. Nothing to do, if the server offers TLS 1.2."),
            Self::Windows10 => row("win10", "Windows 10 or 11", r"C:\Windows\System32\drivers\etc\hosts",
                "TLS 1.2; 1.0 and 1.1 may be switched off. Nothing to do, if the server offers TLS 1.2."),
            Self::MacClassic => row("mac-classic", "Mac OS 8 or 9", "System Folder:Preferences:Hosts",
                "SSL 3 and TLS 1.0 at best, RC4 or 3DES with RSA, no server names (SNI)."),
            Self::MacOsX => row("mac", "Mac OS X 10.2 to macOS 10.14", "/etc/hosts",
                "These clients speak TLS 1.0 with an old record layer, AES or 3DES with RSA, and no TLS 1.2, however new the system is."),
            Self::Unix => row("unix", "Linux or BSD", "/etc/hosts",
                "Whatever the OpenSSL, NSS or GnuTLS speaks that the program was built with."),
            Self::PocketPc => row("pocket-pc", "Pocket PC or Windows Mobile", "",
                "SSL 3 and TLS 1.0, RC4 or 3DES with RSA, no server names (SNI). A root certificate has to be installed from a CAB file."),
            Self::Device => row("device", "The device itself", "",
                "Unknown."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_system_is_found_by_its_key_and_keys_stand_in_addresses() {
        for system in System::ALL {
            assert_eq!(System::named(system.key()), Some(system));
            let is_plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            assert!(system.key().bytes().all(is_plain), "{}", system.key());
        }
        assert_eq!(System::named("beos"), None);
    }
}
