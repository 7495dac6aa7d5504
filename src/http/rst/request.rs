//! What a client asks the token service for (`docs/protocol/11 §2, §4`).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use roxmltree::Node;
use secrecy::SecretString;

use crate::http::soap::{Envelope, Malformed, child, named, only, text_of};

/// More services than any client asks for at once; there are some twenty in all
/// (`docs/protocol/11 §2.1`).
const MOST_SERVICES: usize = 32;
/// Longer than the name of any service.
const LONGEST_SERVICE: usize = 256;

/// A request for tokens.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) proof: Proof,
    /// At least one.
    pub(super) tokens: Vec<TokenWish>,
    /// Whether it is one token asked for without the wrapper around several.
    pub(super) is_single: bool,
}

/// How a client proves who it is.
#[derive(Debug)]
pub(super) enum Proof {
    /// With its password.
    Password {
        /// As it was typed, without the blanks around it.
        address: String,
        password: SecretString,
    },
    /// With the ticket that it got earlier for renewing others.
    Ticket(SecretString),
}

/// A token for one service.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenWish {
    pub(super) audience: String,
    /// The number of the request, by which the client finds its token in the answer.
    pub(super) number: usize,
    /// Whether it asks for a kind of ticket that is older than compact ones.
    pub(super) is_legacy: bool,
}

impl Wish {
    /// Reads the proof and the services. A lone request may lack the wrapper around several, and a
    /// service is named by address or by name. Times are not looked at: clocks of clients are
    /// wrong.
    pub(super) fn read(body: &[u8]) -> Result<Self, Malformed> {
        let request = Envelope::parse(body)?;
        let security = only(request.part("Header")?, "Security")?;
        let proof = match only(security, "UsernameToken") {
            Ok(user) => Proof::Password {
                address: text_of(only(user, "Username")?).to_owned(),
                // Blanks may belong to a password.
                password: only(user, "Password")?.text().unwrap_or_default().into(),
            },
            Err(_) if child(security, "UsernameToken").is_some() => return Err(Malformed),
            Err(_) => {
                let data = only(only(security, "EncryptedData")?, "CipherData")?;
                Proof::Ticket(ticket(text_of(only(data, "CipherValue")?))?)
            }
        };
        let body = request.part("Body")?;
        let wrapper = only(body, "RequestMultipleSecurityTokens");
        let tokens = named(wrapper.unwrap_or(body), "RequestSecurityToken")
            .enumerate()
            .map(|(position, request)| TokenWish::read(request, position))
            .collect::<Result<Vec<TokenWish>, Malformed>>()?;
        if tokens.is_empty() || tokens.len() > MOST_SERVICES {
            return Err(Malformed);
        }
        let is_single = wrapper.is_err() && tokens.len() == 1;
        Ok(Self {
            proof,
            tokens,
            is_single,
        })
    }
}

impl TokenWish {
    fn read(request: Node<'_, '_>, position: usize) -> Result<Self, Malformed> {
        let endpoint = only(only(request, "AppliesTo")?, "EndpointReference")?;
        let name = only(endpoint, "Address").or_else(|_| only(endpoint, "ServiceName"))?;
        let audience = text_of(name);
        if audience.is_empty() || audience.len() > LONGEST_SERVICE {
            return Err(Malformed);
        }
        let policy = child(request, "PolicyReference")
            .and_then(|reference| reference.attribute("URI"))
            .unwrap_or_default();
        Ok(Self {
            audience: audience.to_owned(),
            number: number(request).unwrap_or(position),
            is_legacy: policy.starts_with('?') && !policy.contains("COMPACT"),
        })
    }
}

/// The ticket in what the answer to a sign-in had in the form of encrypted data.
fn ticket(cipher_value: &str) -> Result<SecretString, Malformed> {
    let bytes = BASE64.decode(cipher_value).map_err(|_| Malformed)?;
    let text = String::from_utf8(bytes).map_err(|_| Malformed)?;
    Ok(text.into())
}

/// The number that the request gives itself: 3 for `Id="RST3"`.
fn number(request: Node<'_, '_>) -> Option<usize> {
    let digits = request.attribute("Id")?.strip_prefix("RST")?;
    let is_short = !digits.is_empty() && digits.len() <= 3;
    (is_short && digits.bytes().all(|b| b.is_ascii_digit()))
        .then(|| digits.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    fn envelope(security: &str, tokens: &str) -> String {
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
             <Envelope xmlns=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:wsse=\"http://schemas.xmlsoap.org/ws/2003/06/secext\" \
             xmlns:wst=\"http://schemas.xmlsoap.org/ws/2004/04/trust\" \
             xmlns:wsp=\"http://schemas.xmlsoap.org/ws/2002/12/policy\" \
             xmlns:wsa=\"http://schemas.xmlsoap.org/ws/2004/03/addressing\">\
             <Header><wsse:Security>{security}</wsse:Security></Header><Body>{tokens}</Body></Envelope>"
        )
    }

    fn user(name: &str, password: &str) -> String {
        format!(
            "<wsse:UsernameToken Id=\"user\"><wsse:Username>{name}</wsse:Username>\
             <wsse:Password>{password}</wsse:Password></wsse:UsernameToken>"
        )
    }

    fn token(id: &str, address: &str, policy: &str) -> String {
        format!(
            "<wst:RequestSecurityToken{id}><wsp:AppliesTo><wsa:EndpointReference>{address}\
             </wsa:EndpointReference></wsp:AppliesTo>{policy}</wst:RequestSecurityToken>"
        )
    }

    fn wish(audience: &str, number: usize, is_legacy: bool) -> TokenWish {
        TokenWish {
            audience: audience.to_owned(),
            number,
            is_legacy,
        }
    }

    #[test]
    fn several_services_are_read_in_order() {
        let policy = |uri| format!("<wsse:PolicyReference URI=\"{uri}\"/>");
        let tokens = format!(
            "<ps:RequestMultipleSecurityTokens xmlns:ps=\"x\">\n {}\n {}\n {}{}\
             </ps:RequestMultipleSecurityTokens>",
            token(
                " Id=\"RST0\"",
                "<wsa:Address>http://Passport.NET/tb</wsa:Address>",
                ""
            ),
            token(
                " Id=\"RST7\"",
                "<wsa:Address> messenger.msn.com </wsa:Address>",
                &policy("?id=507")
            ),
            token(
                " Id=\"other\"",
                "<wsa:Address>contacts.msn.com</wsa:Address>",
                &policy("MBI")
            ),
            token(
                "",
                "<wsa:Address>a</wsa:Address>",
                &policy("?ct=1&amp;wp=FS_40SEC_0_COMPACT")
            ),
        );
        let security = user(" Alice@example.com ", "p&amp;ss ");
        let read = Wish::read(envelope(&security, &tokens).as_bytes()).unwrap();
        let Proof::Password { address, password } = read.proof else {
            panic!("not by password");
        };
        assert_eq!(address, "Alice@example.com");
        assert_eq!(password.expose_secret(), "p&ss ");
        assert_eq!(
            read.tokens,
            [
                wish("http://Passport.NET/tb", 0, false),
                wish("messenger.msn.com", 7, true),
                wish("contacts.msn.com", 2, false),
                wish("a", 3, false),
            ]
        );
    }

    #[test]
    fn a_lone_request_needs_no_wrapper() {
        let name = "<wsa:ServiceName>messenger.msn.com</wsa:ServiceName>";
        let tokens = token("", name, "");
        let read = Wish::read(envelope(&user("a@b.c", "x"), &tokens).as_bytes()).unwrap();
        assert_eq!(read.tokens, [wish("messenger.msn.com", 0, false)]);
        assert!(read.is_single);
        let wrapped =
            format!("<RequestMultipleSecurityTokens>{tokens}</RequestMultipleSecurityTokens>");
        for tokens in [wrapped, tokens.repeat(2)] {
            let read = Wish::read(envelope(&user("a@b.c", "x"), &tokens).as_bytes());
            assert!(!read.unwrap().is_single);
        }
    }

    #[test]
    fn a_renewal_is_known_by_its_token() {
        let tokens = token("", "<wsa:Address>a</wsa:Address>", "");
        let data = |value: &str| {
            format!(
                "<EncryptedData Id=\"BinaryDAToken0\"><CipherData><CipherValue>{value}\
                 </CipherValue></CipherData></EncryptedData>"
            )
        };
        let read = Wish::read(envelope(&data(" b3BhcXVl\n"), &tokens).as_bytes()).unwrap();
        assert!(!format!("{read:?}").contains("opaque"));
        let Proof::Ticket(ticket) = read.proof else {
            panic!("not by ticket");
        };
        assert_eq!(ticket.expose_secret(), "opaque");
        for security in ["<EncryptedData/>", &data("*"), &data("/w==")] {
            assert!(Wish::read(envelope(security, &tokens).as_bytes()).is_err());
        }
    }

    #[test]
    fn nothing_of_a_request_prints() {
        let tokens = token("", "<wsa:Address>a</wsa:Address>", "");
        let body = envelope(&user("a@b.c", "hunter2"), &tokens);
        let read = Wish::read(body.as_bytes()).unwrap();
        assert!(!format!("{read:?}").contains("hunter2"));
        let envelope = Envelope::parse(body.as_bytes()).unwrap();
        assert!(!format!("{envelope:?}").contains("hunter2"));
    }

    proptest::proptest! {
        #[test]
        fn any_body_is_read_without_panic(
            body in proptest::collection::vec(0u8.., 0..300),
            at in 0usize..1_000,
            instead in 0u8..,
        ) {
            Wish::read(&body).ok();
            let tokens = token(" Id=\"RST1\"", "<wsa:Address>a</wsa:Address>", "");
            let mut body = envelope(&user("a@b.c", "x"), &tokens).into_bytes();
            Wish::read(&body[..at.min(body.len())]).ok();
            let at = at % body.len();
            body[at] = instead;
            Wish::read(&body).ok();
        }
    }

    #[test]
    fn what_is_missing_doubled_or_too_much_is_refused() {
        let token = |address| token("", address, "");
        let one = token("<wsa:Address>a</wsa:Address>");
        let long = format!("<wsa:Address>{}</wsa:Address>", "a".repeat(257));
        let nameless = "<wsse:UsernameToken><wsse:Password>x</wsse:Password></wsse:UsernameToken>";
        let doubled =
            user("a@b.c", "x").replace("<wsse:Password>", "<wsse:Password/><wsse:Password>");
        let right = user("a@b.c", "x");
        for body in [
            envelope("", &one),
            envelope(&right, ""),
            envelope(&right.repeat(2), &one),
            envelope(nameless, &one),
            envelope(&doubled, &one),
            envelope(&right, &one.repeat(MOST_SERVICES + 1)),
            envelope(&right, &token("")),
            envelope(&right, &token(&long)),
            envelope(&right, &token("<wsa:Address> </wsa:Address>")),
            envelope(&right, &token(&"<wsa:Address>a</wsa:Address>".repeat(2))),
        ] {
            assert!(Wish::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
