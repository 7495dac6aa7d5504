//! Both token services, with one token and with many.

use super::checker::{Checker, Part, TOKENS};
use crate::support::people::PASSWORD;
use crate::support::soap::{Answer, post};

/// Why the first service cannot be held against a description.
const EARLIER: &str = "only the later trust namespace is described, and clients of the earlier one \
                       look for LifeTime (`docs/protocol/11 §3`)";
/// Why its faults stand where no description has them.
const BESIDE: &str = "the fault stands beside the body, as the original had it \
                      (`docs/protocol/11 §3.1`)";

/// Why the head of the second service's answers is longer than described.
pub(super) const HEAD: &str = "servers that clients are known to work with have attributes in the \
                               head that the description leaves out (`docs/protocol/11 §4`)";
/// Why the token that renews others is shorter.
pub(super) const NAMED_KEY: &str = "its key is told by its name alone (`docs/protocol/11 §4`)";

/// What is asked for: one token, or several in a wrapper.
const ONE: &str = "RequestSecurityToken";
const MANY: &str = "RequestMultipleSecurityTokens";

/// The first service and the second: where it is, and its namespaces.
struct Service {
    path: &'static str,
    envelope: &'static str,
    security: &'static str,
    trust: &'static str,
    policy: &'static str,
    addressing: &'static str,
}

const FIRST: Service = Service {
    path: "/RST.srf",
    envelope: "http://schemas.xmlsoap.org/soap/envelope/",
    security: "http://schemas.xmlsoap.org/ws/2003/06/secext",
    trust: "http://schemas.xmlsoap.org/ws/2004/04/trust",
    policy: "http://schemas.xmlsoap.org/ws/2002/12/policy",
    addressing: "http://schemas.xmlsoap.org/ws/2004/03/addressing",
};

const SECOND: Service = Service {
    path: "/RST2.srf",
    envelope: "http://www.w3.org/2003/05/soap-envelope",
    security: "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd",
    trust: "http://schemas.xmlsoap.org/ws/2005/02/trust",
    policy: "http://schemas.xmlsoap.org/ws/2004/09/policy",
    addressing: "http://www.w3.org/2005/08/addressing",
};

impl Service {
    /// An answer as the other service would have said it, but for the envelope and its head.
    fn in_words_of(&self, other: &Self, answer: &Answer) -> Answer {
        let pairs = [
            (self.security, other.security),
            (self.trust, other.trust),
            (self.policy, other.policy),
            (self.addressing, other.addressing),
            ("LifeTime", "Lifetime"),
            // The later description has lost what kind of name it is.
            (" ValueType=\"urn:passport:compact\"", ""),
            (" ValueType=\"urn:passport\"", ""),
        ];
        let replace = |text: String, (ours, theirs): (&str, &str)| text.replace(ours, theirs);
        Answer {
            body: pairs.into_iter().fold(answer.body.clone(), replace),
            ..answer.clone()
        }
    }

    async fn ask(&self, checker: &Checker, password: &str, services: &[&str]) -> Answer {
        let wishes: String = services
            .iter()
            .enumerate()
            .map(|(number, service)| {
                format!(
                    "<wst:RequestSecurityToken Id=\"RST{number}\"><wsp:AppliesTo>\
                     <wsa:EndpointReference><wsa:Address>{service}</wsa:Address>\
                     </wsa:EndpointReference></wsp:AppliesTo></wst:RequestSecurityToken>"
                )
            })
            .collect();
        let wishes = match services {
            [_] => wishes,
            _ => format!(
                "<ps:RequestMultipleSecurityTokens \
                 xmlns:ps=\"http://schemas.microsoft.com/Passport/SoapServices/PPCRL\" \
                 Id=\"RSTS\">{wishes}</ps:RequestMultipleSecurityTokens>"
            ),
        };
        let Self {
            path,
            envelope,
            security,
            trust,
            policy,
            addressing,
        } = self;
        let body = format!(
            "<s:Envelope xmlns:s=\"{envelope}\" xmlns:wsse=\"{security}\" xmlns:wst=\"{trust}\" \
             xmlns:wsp=\"{policy}\" xmlns:wsa=\"{addressing}\"><s:Header><wsse:Security>\
             <wsse:UsernameToken Id=\"user\"><wsse:Username>bob@example.com</wsse:Username>\
             <wsse:Password>{password}</wsse:Password></wsse:UsernameToken></wsse:Security>\
             </s:Header><s:Body>{wishes}</s:Body></s:Envelope>"
        );
        post(checker.http, path, "", body.as_bytes()).await.unwrap()
    }
}

pub(super) async fn run(checker: &mut Checker) {
    let many = [
        "http://Passport.NET/tb",
        "messengerclear.live.com",
        "contacts.msn.com",
    ];
    let [_, _, one] = many;
    for (name, services, named_key) in [
        (MANY, &many[..], Some((Part::Payload, NAMED_KEY))),
        (ONE, &[one], None),
    ] {
        let answer = FIRST.ask(checker, PASSWORD, services).await;
        let differing = [(Part::Payload, EARLIER)];
        let what = format!("RST {name}");
        checker.differs(&what, &answer, TOKENS, &differing);
        let later = FIRST.in_words_of(&SECOND, &answer);
        let differing: Vec<_> = named_key.into_iter().collect();
        checker.differs(&what, &later, TOKENS, &differing);
        let answer = SECOND.ask(checker, PASSWORD, services).await;
        let what = format!("RST2 {name}");
        let head = Some((Part::Envelope, HEAD));
        let differing: Vec<_> = head.into_iter().chain(named_key).collect();
        checker.differs(&what, &answer, TOKENS, &differing);
        let is_complete = answer.count("RequestSecurityTokenResponse") == services.len();
        checker.holds(&what, &answer, is_complete);
    }
    for (case, password, services, codes) in [
        (
            "a wrong password",
            "wrong",
            &many[..],
            ["wsse:FailedAuthentication", "wst:FailedAuthentication"],
        ),
        (
            "nothing asked for",
            PASSWORD,
            &[],
            ["S:Client", "wst:InvalidRequest"],
        ),
    ] {
        let [first, second] = codes;
        let answer = FIRST.ask(checker, password, services).await;
        let what = format!("RST {MANY}: {case}");
        checker.differing_fault(&what, &answer, first, BESIDE);
        let answer = SECOND.ask(checker, password, services).await;
        let what = format!("RST2 {MANY}: {case}");
        checker.fault(&what, &answer, second);
    }
}
