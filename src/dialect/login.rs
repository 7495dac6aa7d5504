//! Replies of the sign-in sequence (`docs/protocol/01`).

use std::fmt;
use std::net::IpAddr;

use super::{Dialect, ProfileStyle, RedirectStyle, SignInMethod, SignInReplyStyle};
use crate::model::{Address, Label, UserId};
use crate::wire::{Outbox, headers::HeaderBlock};

/// What a newly signed-in client is told about itself. Does not print the token.
#[derive(Clone)]
pub struct Profile<'a> {
    pub user: UserId,
    pub address: &'a Address,
    /// Epoch seconds; clients count from here.
    pub signed_in_at: i64,
    /// Names this session in the web forms that clients post (`docs/protocol/01 §6`).
    pub web_token: &'a str,
    /// Where the client connects from, as the server sees it.
    pub client: (IpAddr, u16),
}

impl fmt::Debug for Profile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile")
            .field("user", &self.user)
            .field("signed_in_at", &self.signed_in_at)
            .field("client", &self.client)
            .finish_non_exhaustive()
    }
}

/// Key version of the web forms: what clients saw with either way of signing in.
fn key_version(methods: &[SignInMethod]) -> u8 {
    if methods.contains(&SignInMethod::Md5) {
        2
    } else {
        7
    }
}

/// The file of policies: blocks no client and no word.
const POLICIES: &str = "<Policies><Policy type=\"SHIELDS\"><config><shield>\
    <cli maj=\"7\" min=\"0\" minbld=\"0\" maxbld=\"9999\" deny=\" \" />\
    </shield><block></block></config></Policy></Policies>";

/// The policy that the ticket of a single sign-on is to be asked for with; clients know no other.
const SSO_POLICY: &str = "MBI_KEY_OLD";

/// What a client has to answer to prove who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Question {
    Md5(String),
    Ticket {
        policy: String,
    },
    /// 64 signs that the client signs with the key of its ticket.
    Sso {
        nonce: String,
    },
}

impl Question {
    /// How this is answered.
    pub fn method(&self) -> SignInMethod {
        match self {
            Self::Md5(_) => SignInMethod::Md5,
            Self::Ticket { .. } => SignInMethod::Ticket,
            Self::Sso { .. } => SignInMethod::Sso,
        }
    }
}

impl SignInMethod {
    /// The method that the word names.
    pub fn read(word: &[u8]) -> Option<Self> {
        [Self::Md5, Self::Ticket, Self::Sso]
            .into_iter()
            .find(|method| method.word().as_bytes() == word)
    }

    /// The word in `USR` and `INF`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Ticket => "TWN",
            Self::Sso => "SSO",
        }
    }
}

impl Dialect {
    /// Refers the client to another notification server, in answer to the first step of a sign-in.
    /// `current` is the address it is on now.
    pub fn redirect(self, trid: u32, target: &str, current: &str, out: &mut Outbox) {
        let line = out.line("XFR").arg(trid).arg("NS").arg(target);
        match self.redirect_style() {
            RedirectStyle::Bare => line.end(),
            RedirectStyle::Zero => line.arg("0").end(),
            RedirectStyle::ZeroAndCurrent => line.arg("0").arg(current).end(),
            RedirectStyle::Direct => line.arg("U").arg("D").end(),
        }
    }

    /// Asks for the proof of a claim, behind the file of policies where the client expects one
    /// (`docs/protocol/10 §1.1`).
    pub fn challenge(self, trid: u32, question: &Question, out: &mut Outbox) {
        if self.has_pushed_policies() {
            out.line("GCF").arg("0").payload(POLICIES.as_bytes());
        }
        let line = out.line("USR").arg(trid).arg(question.method().word());
        let line = line.arg("S");
        match question {
            Question::Md5(challenge) => line.arg(challenge.as_str()).end(),
            Question::Ticket { policy } => line.arg(policy.as_str()).end(),
            Question::Sso { nonce } => line.arg(SSO_POLICY).arg(nonce.as_str()).end(),
        }
    }

    /// Accepts a sign-in. `handle` is the address as the client spelled it.
    pub fn accept(self, trid: u32, handle: &str, name: &Label, out: &mut Outbox) {
        let line = out.line("USR").arg(trid).arg("OK").arg(handle);
        match self.sign_in_reply_style() {
            SignInReplyStyle::Name => line.arg(name.as_str()).end(),
            SignInReplyStyle::NameVerified => line.arg(name.as_str()).arg("1").end(),
            SignInReplyStyle::NameVerifiedRestricted => {
                line.arg(name.as_str()).arg("1").arg("0").end();
            }
            SignInReplyStyle::VerifiedRestricted => line.arg("1").arg("0").end(),
        }
        if self.has_sbs() {
            out.line("SBS").arg("0").arg("null").end();
        }
    }

    /// The message that follows an accepted sign-in. Some clients start further work from it, so
    /// it is always sent (`docs/protocol/01 §5.1`).
    pub fn profile(self, profile: &Profile<'_>, out: &mut Outbox) {
        let block = HeaderBlock::message("text/x-msmsgsprofile; charset=UTF-8")
            .with("LoginTime", profile.signed_in_at);
        let block = match self.profile_style() {
            ProfileStyle::SignInTime => block,
            ProfileStyle::Passport => self.passport_fields(profile, block),
            ProfileStyle::PassportAndClient => {
                client_fields(profile, self.passport_fields(profile, block))
            }
            ProfileStyle::PassportMigrated => {
                client_fields(profile, self.passport_fields(profile, block)).with("ABCHMigrated", 1)
            }
            ProfileStyle::Live => live_fields(profile, block),
            ProfileStyle::LiveEndpoints => live_fields(profile, block).with("MPOPEnabled", 1),
        };
        out.line("MSG")
            .arg("Hotmail")
            .arg("Hotmail")
            .payload(&block.finish());
    }

    /// The client's own extended presence, empty: there is nothing to tell before its first
    /// status. Clients that may be signed in at several places get it (`docs/protocol/10 §1.4`).
    pub fn own_extended_presence(self, address: &Address, out: &mut Outbox) {
        if !self.has_endpoints() {
            return;
        }
        self.identity(address, out.line("UBX")).payload(b"");
    }

    fn passport_fields(self, profile: &Profile<'_>, block: HeaderBlock) -> HeaderBlock {
        let (high, low) = member_id(profile.user);
        block
            .with("EmailEnabled", 0)
            .with("MemberIdHigh", high)
            .with("MemberIdLow", low)
            .with("lang_preference", 1033)
            .with("preferredEmail", "")
            .with("country", "US")
            .with("PostalCode", "")
            .with("Gender", "")
            .with("Kid", 0)
            .with("Age", "")
            .with("BDayPre", "")
            .with("Birthday", "")
            .with("Wallet", "")
            .with("Flags", 1027)
            .with("sid", 507)
            .with("kv", key_version(self.sign_in_methods()))
            .with("MSPAuth", profile.web_token)
    }
}

/// The fields of the clients since MSNP13, in their order (`docs/protocol/10 §1.4`).
fn live_fields(profile: &Profile<'_>, block: HeaderBlock) -> HeaderBlock {
    let id = profile.user.passport_id();
    let block = block
        .with("EmailEnabled", 0)
        .with("MemberIdHigh", id >> 32)
        .with("MemberIdLow", id as u32)
        .with("lang_preference", 1033)
        .with("preferredEmail", profile.address)
        .with("country", "")
        .with("PostalCode", "")
        .with("Gender", "")
        .with("Kid", 0)
        .with("Age", "")
        .with("BDayPre", "")
        .with("Birthday", "")
        .with("Wallet", "")
        .with("Flags", 536_872_513)
        .with("sid", 507)
        .with("MSPAuth", profile.web_token);
    client_fields(profile, block).with("ABCHMigrated", 1)
}

fn client_fields(profile: &Profile<'_>, block: HeaderBlock) -> HeaderBlock {
    let (address, port) = profile.client;
    block
        .with("ClientIP", address)
        .with("ClientPort", port.swap_bytes())
}

/// The two halves of an account's number, as signed numbers.
fn member_id(user: UserId) -> (i32, i32) {
    let id = user.passport_id();
    ((id >> 32) as i32, id as i32)
}

/// The policy of the web sign-in, with every item that clients look for
/// (`docs/protocol/25 §5`). `nonce` is 32 hexadecimal digits.
pub fn policy(now_secs: i64, nonce: &str) -> String {
    let rn = nonce.get(..8).unwrap_or_default();
    format!(
        "lc=1033,id=507,tw=40,fs=1,ru=http%3A%2F%2Fmessenger%2Emsn%2Ecom,ct={now_secs},kpp=1,kv=7,\
         ver=2.1.6000.1,rn={rn},rver=5.5.4177.0,wp=FS_40SEC_0_COMPACT,tpf={nonce}"
    )
}

/// The 64 signs that a single sign-on asks to be signed (`docs/protocol/10 §1.3`).
pub fn nonce(random: &[u8; 32]) -> String {
    random.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The message that the server is about to stop, or any countdown of minutes.
pub fn stopping_soon(minutes: u32, out: &mut Outbox) {
    let mut body = HeaderBlock::message("application/x-msmsgssystemmessage").finish();
    body.extend_from_slice(format!("Type: 1\r\nArg1: {minutes}\r\n").as_bytes());
    out.line("MSG").arg("Hotmail").arg("Hotmail").payload(&body);
}

/// Why the server ends a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    SignedInElsewhere,
    ServerStopping,
    /// The account is gone or disabled. Clients know no word for that; a bare `OUT` makes them
    /// sign out without asking what happened elsewhere.
    AccountClosed,
}

/// Ends the session, with the words that every version knows (`docs/protocol/02 §13`).
pub fn farewell(reason: Farewell, out: &mut Outbox) {
    let word = match reason {
        Farewell::SignedInElsewhere => Some("OTH"),
        Farewell::ServerStopping => Some("SSD"),
        Farewell::AccountClosed => None,
    };
    out.line("OUT").maybe(word).end();
}

#[cfg(test)]
mod tests {
    use super::super::testing::dialect;
    use super::*;

    fn rendered(render: impl FnOnce(&mut Outbox)) -> String {
        let mut out = Outbox::default();
        render(&mut out);
        String::from_utf8(out.bytes().to_vec()).unwrap()
    }

    #[test]
    fn a_referral_grows_with_the_versions() {
        let xfr = |number| {
            rendered(|out| dialect(number).redirect(3, "10.0.0.1:1863", "10.0.0.2:1863", out))
        };
        assert_eq!(xfr(2), "XFR 3 NS 10.0.0.1:1863\r\n");
        assert_eq!(xfr(3), "XFR 3 NS 10.0.0.1:1863 0\r\n");
        assert_eq!(xfr(6), "XFR 3 NS 10.0.0.1:1863 0\r\n");
        assert_eq!(xfr(7), "XFR 3 NS 10.0.0.1:1863 0 10.0.0.2:1863\r\n");
        assert_eq!(xfr(12), xfr(7));
        assert_eq!(xfr(13), "XFR 3 NS 10.0.0.1:1863 U D\r\n");
    }

    #[test]
    fn acceptance_is_each_versions_own() {
        let name = Label::from_stored("Alice%20A");
        let usr =
            |number| rendered(|out| dialect(number).accept(7, "Alice@Example.com", &name, out));
        assert_eq!(usr(2), "USR 7 OK Alice@Example.com Alice%20A\r\n");
        assert_eq!(usr(5), usr(2));
        assert_eq!(usr(6), "USR 7 OK Alice@Example.com Alice%20A 1\r\n");
        assert_eq!(usr(8), "USR 7 OK Alice@Example.com Alice%20A 1 0\r\n");
        assert_eq!(usr(10), "USR 7 OK Alice@Example.com 1 0\r\n");
        assert_eq!(usr(11), "USR 7 OK Alice@Example.com 1 0\r\nSBS 0 null\r\n");
    }

    #[test]
    fn the_question_follows_the_policies() {
        let ask = |number, question: Question| {
            rendered(|out| dialect(number).challenge(3, &question, out))
        };
        let nonce = || Question::Sso {
            nonce: "LAhAAUzdC+JvuB33".to_owned(),
        };
        assert_eq!(
            ask(15, nonce()),
            format!("GCF 0 159\r\n{POLICIES}USR 3 SSO S MBI_KEY_OLD LAhAAUzdC+JvuB33\r\n")
        );
        let policy = || Question::Ticket {
            policy: "ct=1,lc=1033".to_owned(),
        };
        assert_eq!(ask(12, policy()), "USR 3 TWN S ct=1,lc=1033\r\n");
        assert!(ask(13, policy()).starts_with("GCF 0 159\r\n"));
        assert_eq!(
            ask(2, Question::Md5("1.2".to_owned())),
            "USR 3 MD5 S 1.2\r\n"
        );
    }

    #[test]
    fn own_extended_presence_is_for_those_with_endpoints() {
        let alice = Address::parse("alice@example.com").unwrap();
        let ubx = |number| rendered(|out| dialect(number).own_extended_presence(&alice, out));
        assert_eq!(ubx(15), "");
        assert_eq!(ubx(16), "UBX alice@example.com 1 0\r\n");
        assert_eq!(ubx(18), "UBX 1:alice@example.com 0\r\n");
    }

    #[test]
    fn the_profile_grows_with_the_versions() {
        let profile = Profile {
            user: UserId(7),
            address: &Address::parse("alice@example.com").unwrap(),
            signed_in_at: 1_100_000_000,
            web_token: "tok",
            client: ([203, 0, 113, 5].into(), 1863),
        };
        let text = |number| rendered(|out| dialect(number).profile(&profile, out));
        assert!(text(2).starts_with("MSG Hotmail Hotmail 95\r\nMIME-Version: 1.0\r\n"));
        assert!(text(3).ends_with("kv: 2\r\nMSPAuth: tok\r\n\r\n"));
        assert!(
            text(8).ends_with("MSPAuth: tok\r\nClientIP: 203.0.113.5\r\nClientPort: 18183\r\n\r\n")
        );
        assert!(text(10).ends_with("ClientPort: 18183\r\nABCHMigrated: 1\r\n\r\n"));
        assert!(text(13).contains("preferredEmail: alice@example.com\r\n"));
        assert!(text(15).ends_with("\r\nABCHMigrated: 1\r\n\r\n"));
        assert!(text(16).ends_with("ABCHMigrated: 1\r\nMPOPEnabled: 1\r\n\r\n"));
    }

    #[test]
    fn the_policy_has_every_item_that_clients_look_for() {
        let policy = policy(1_100_000_000, "00112233445566778899aabbccddeeff");
        for item in [
            "lc", "id", "tw", "fs", "ru", "ct", "kpp", "kv", "ver", "rn", "tpf", "wp",
        ] {
            let found = policy
                .split(',')
                .any(|part| part.starts_with(&format!("{item}=")));
            assert!(found, "{item}");
        }
        assert!(!policy.contains(' '));
    }

    #[test]
    fn a_countdown_has_the_length_of_the_reference() {
        assert!(rendered(|out| stopping_soon(5, out)).starts_with("MSG Hotmail Hotmail 88\r\n"));
    }
}
