//! Plays a script against a running server.
//!
//! Steps are played one after the other. Each connection delivers its lines in order, so what
//! happens on different connections needs no order beyond that of the file. Nothing is slept
//! for: a line is awaited up to a deadline, and silence is proven by asking something whose
//! answer would have come later.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use super::client::{Arrival, Connection, Frame};
use super::passport::{self, Outcome};
use super::pattern::{Text, Values, printable};
use super::sign_in;
use super::single_sign_on;
use super::transcript::{Action, Exchange, Length, Link, Script, SignIn, TicketSource, TicketWish};
use super::web::Browser;

/// Where the server under test listens.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Addresses {
    pub(crate) msnp: SocketAddr,
    pub(crate) http: SocketAddr,
}

/// Why a transcript failed, and what its connection had seen.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) line: usize,
    reason: String,
    history: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)?;
        if !self.history.is_empty() {
            write!(f, "\n  the connection before that:")?;
        }
        for line in &self.history {
            write!(f, "\n    {line}")?;
        }
        Ok(())
    }
}

/// Plays every step; the first that fails ends the play.
pub(crate) async fn play(script: &Script, addresses: Addresses) -> Result<(), Failure> {
    let mut player = Player {
        script,
        addresses,
        values: known_values(script.dialect),
        connections: BTreeMap::new(),
    };
    for step in &script.steps {
        player
            .step(&step.action)
            .await
            .map_err(|trouble| player.failure(step.line, trouble))?;
    }
    let last = script.steps.last().map_or(0, |step| step.line);
    player
        .leftovers()
        .map_err(|trouble| player.failure(last, trouble))
}

/// The placeholders that have a value from the start.
pub(crate) fn known_values(dialect: Option<u8>) -> Values {
    let mut values = Values::default();
    if let Some(dialect) = dialect {
        let capabilities = sign_in::capabilities(dialect);
        values.set("dialect", dialect.to_string());
        values.set("offer", sign_in::offer(dialect));
        values.set("version", sign_in::client_version(dialect));
        values.set("caps", capabilities);
        values.set("roomcaps", if dialect < 12 { "" } else { capabilities });
        values.set("product", super::challenge::usual_product(dialect));
    }
    values
}

/// What went wrong, and on which connection.
#[derive(Debug)]
struct Trouble {
    link: Option<Link>,
    reason: String,
}

impl From<String> for Trouble {
    fn from(reason: String) -> Self {
        Self { link: None, reason }
    }
}

fn trouble(link: &Link, reason: impl Into<String>) -> Trouble {
    Trouble {
        link: Some(link.clone()),
        reason: reason.into(),
    }
}

#[derive(Debug)]
struct Player<'a> {
    script: &'a Script,
    addresses: Addresses,
    values: Values,
    connections: BTreeMap<Link, Connection>,
}

impl Player<'_> {
    async fn step(&mut self, action: &Action) -> Result<(), Trouble> {
        match action {
            Action::Open { link, address } => self.open(link, address.as_ref()).await,
            Action::Close(link) => {
                self.connection(link)?;
                self.connections.remove(link);
                Ok(())
            }
            Action::Closed(link) => self.closed(link).await,
            Action::Send(exchange) => self.send(exchange).await,
            Action::SendRaw { link, bytes } => {
                let bytes = bytes.render(&self.values)?;
                self.connection(link)?.send(&bytes).await;
                Ok(())
            }
            Action::Expect(exchange) => self.expect(exchange).await,
            Action::AnyOrder(lines) => self.expect_all(lines).await,
            Action::Nothing(link) => self.nothing(link).await,
            Action::SignIn(wish) => self.sign_in(wish).await,
            Action::Ticket(wish) => self.ticket(wish).await,
            Action::Administer {
                account,
                page,
                fields,
            } => self.administer(account, page, fields).await,
            Action::Set { name, value } => {
                let value = value.render(&self.values)?;
                self.values.set(name, value);
                Ok(())
            }
        }
    }

    async fn open(&mut self, link: &Link, address: Option<&Text>) -> Result<(), Trouble> {
        let address = match address {
            Some(text) => printable(&text.render(&self.values)?),
            None => self.addresses.msnp.to_string(),
        };
        let dialect = self.script.dialect.unwrap_or(12);
        let connection = Connection::open(&address, dialect)
            .await
            .map_err(|error| trouble(link, format!("{link} to {address}: {error}")))?;
        if self.connections.insert(link.clone(), connection).is_some() {
            return Err(trouble(link, format!("{link} is open already")));
        }
        Ok(())
    }

    async fn closed(&mut self, link: &Link) -> Result<(), Trouble> {
        match self.connection(link)?.next(false).await {
            Arrival::Closed => {
                self.connections.remove(link);
                Ok(())
            }
            other => Err(differs(link, "the server to close the connection", &other)),
        }
    }

    async fn send(&mut self, exchange: &Exchange) -> Result<(), Trouble> {
        let mut bytes = exchange.line.render(&self.values)?;
        let payload = match &exchange.payload {
            Some(payload) => payload.render(&self.values)?,
            None => Vec::new(),
        };
        if exchange.length == Length::Computed {
            bytes.extend(format!(" {}", payload.len()).into_bytes());
        }
        bytes.extend_from_slice(b"\r\n");
        bytes.extend(payload);
        self.connection(&exchange.link)?.send(&bytes).await;
        Ok(())
    }

    async fn expect(&mut self, exchange: &Exchange) -> Result<(), Trouble> {
        let link = &exchange.link;
        let wants_challenge = exchange.line.starts_with(b"CHL ");
        let arrival = self.connection(link)?.next(wants_challenge).await;
        if let Arrival::Frame(frame) = &arrival
            && let Some(captured) = fits(exchange, frame, &self.values)
        {
            self.values.learn(captured);
            return Ok(());
        }
        Err(differs(link, &self.describe(exchange), &arrival))
    }

    /// Reads as many lines as are expected on each connection; each has to fit one of those left.
    async fn expect_all(&mut self, lines: &[(usize, Exchange)]) -> Result<(), Trouble> {
        let mut left: Vec<&Exchange> = lines.iter().map(|(_, exchange)| exchange).collect();
        while let Some(first) = left.first() {
            let link = first.link.clone();
            let arrival = self.connection(&link)?.next(false).await;
            let found = left.iter().enumerate().find_map(|(index, exchange)| {
                let Arrival::Frame(frame) = &arrival else {
                    return None;
                };
                let captured = (exchange.link == link)
                    .then(|| fits(exchange, frame, &self.values))
                    .flatten()?;
                Some((index, captured))
            });
            let Some((index, captured)) = found else {
                let wanted: Vec<String> = left
                    .iter()
                    .filter(|exchange| exchange.link == link)
                    .map(|exchange| self.describe(exchange))
                    .collect();
                return Err(differs(&link, &wanted.join("\n        or: "), &arrival));
            };
            left.remove(index);
            self.values.learn(captured);
        }
        Ok(())
    }

    /// Asks something harmless, twice: whatever had been waiting comes before the second answer.
    async fn nothing(&mut self, link: &Link) -> Result<(), Trouble> {
        for attempt in 0..2 {
            let connection = self.connection(link)?;
            let id = 4_200_000_000_u32 + attempt;
            let (question, answers) = if link.role.starts_with("SB") {
                // A callee that is no address: refused at once, and nobody else hears of it.
                let answers = vec![format!("208 {id}"), format!("713 {id}")];
                (format!("CAL {id} @@a\r\n"), answers)
            } else {
                (
                    "PNG\r\n".to_owned(),
                    vec!["QNG".to_owned(), "QNG *".to_owned()],
                )
            };
            connection.send(question.as_bytes()).await;
            let arrival = connection.next(false).await;
            let is_answer = match &arrival {
                Arrival::Frame(frame) => answers.iter().any(|answer| {
                    Text::line(answer)
                        .is_ok_and(|text| text.matches(&frame.line, &self.values).is_some())
                }),
                _ => false,
            };
            if !is_answer {
                return Err(differs(link, "nothing", &arrival));
            }
        }
        Ok(())
    }

    async fn sign_in(&mut self, wish: &SignIn) -> Result<(), Trouble> {
        self.open(&wish.link, None).await?;
        let account = self.script.fixture.account(&wish.account)?;
        let http = self.addresses.http;
        let connection = self.connection(&wish.link)?;
        connection.dialect = wish.dialect;
        sign_in::sign_in(wish, &account.address, &account.password, connection, http)
            .await
            .map_err(|reason| trouble(&wish.link, reason))
    }

    async fn administer(
        &self,
        account: &str,
        page: &str,
        fields: &[(&str, String)],
    ) -> Result<(), Trouble> {
        let account = self.script.fixture.account(account)?;
        let http = self.addresses.http;
        let mut browser = Browser::signed_in(http, &account.address, &account.password).await;
        let fields: Vec<_> = fields
            .iter()
            .map(|(name, it)| (*name, it.as_str()))
            .collect();
        let answer = browser.submit("/admin/maintenance", page, &fields).await;
        match answer.status {
            303 => Ok(()),
            status => Err(format!("{page} was answered with {status}").into()),
        }
    }

    async fn ticket(&mut self, wish: &TicketWish) -> Result<(), Trouble> {
        let account = self.script.fixture.account(&wish.account)?;
        let password = wish.password.as_ref().unwrap_or(&account.password);
        if let TicketSource::TokenService { service, key_as } = &wish.source {
            let http = self.addresses.http;
            let outcome = single_sign_on::fetch(http, &account.address, password, service).await?;
            return match (outcome, &wish.keep_as, key_as) {
                (single_sign_on::Outcome::Granted { ticket, key }, Some(name), Some(key_as)) => {
                    self.values.set(name, ticket);
                    self.values.set(key_as, key);
                    Ok(())
                }
                (single_sign_on::Outcome::Refused, None, _) => Ok(()),
                (outcome, ..) => Err(format!("the token service said {outcome:?}").into()),
            };
        }
        let policy = match &wish.policy {
            Some(name) => {
                let value = self.values.get(name);
                printable(value.ok_or_else(|| format!("{{{name}}} is not known yet"))?)
            }
            None => passport::USUAL_POLICY.to_owned(),
        };
        let outcome =
            passport::fetch_ticket(self.addresses.http, &account.address, password, &policy)
                .await?;
        match (outcome, &wish.keep_as) {
            (Outcome::Ticket(ticket), Some(name)) => {
                self.values.set(name, ticket);
                Ok(())
            }
            (Outcome::Refused, None) => Ok(()),
            (Outcome::Ticket(_), None) => Err("a ticket was to be refused".to_owned().into()),
            (Outcome::Refused, Some(_)) => Err("the login service refused".to_owned().into()),
        }
    }

    /// At the end nothing may be left on connections that the transcript did not close.
    fn leftovers(&mut self) -> Result<(), Trouble> {
        for (link, connection) in &mut self.connections {
            if let Some(bytes) = connection.leftover() {
                let reason = format!("{link} has more at the end: {}", printable(&bytes));
                return Err(trouble(link, reason));
            }
        }
        Ok(())
    }

    fn connection(&mut self, link: &Link) -> Result<&mut Connection, Trouble> {
        self.connections
            .get_mut(link)
            .ok_or_else(|| format!("{link} is not open").into())
    }

    fn describe(&self, exchange: &Exchange) -> String {
        let line = exchange.line.describe(&self.values);
        match &exchange.payload {
            Some(payload) => format!("{line} + {}", payload.describe(&self.values)),
            None => line,
        }
    }

    fn failure(&self, line: usize, trouble: Trouble) -> Failure {
        let connection = trouble.link.and_then(|link| self.connections.get(&link));
        Failure {
            line,
            reason: trouble.reason,
            history: connection
                .map(|connection| connection.history().map(str::to_owned).collect())
                .unwrap_or_default(),
        }
    }
}

/// Compares a frame with what is expected; answers the values captured on the way.
fn fits(exchange: &Exchange, frame: &Frame, values: &Values) -> Option<Values> {
    let mut captured = exchange.line.matches(&frame.line, values)?;
    if let Some(payload) = &exchange.payload {
        let mut known = values.clone();
        known.learn(captured.clone());
        captured.learn(payload.matches(&frame.payload, &known)?);
    }
    Some(captured)
}

fn differs(link: &Link, expected: &str, arrival: &Arrival) -> Trouble {
    let arrived = match arrival {
        Arrival::Frame(frame) => frame.describe(),
        Arrival::Closed => "the server closed the connection".to_owned(),
        Arrival::Late(part) if part.is_empty() => "nothing in time".to_owned(),
        Arrival::Late(part) => format!("nothing whole in time, only {}", printable(part)),
        Arrival::Garbled(bytes) => format!("no whole line: {}", printable(bytes)),
    };
    trouble(
        link,
        format!("{link}\n  expected: {expected}\n  arrived:  {arrived}"),
    )
}

mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};

    use super::super::transcript::Transcript;
    use super::*;

    /// What the peer does on one connection: bytes it waits for, bytes it sends.
    enum Move<'a> {
        Reads(&'a str),
        Sends(&'a [u8]),
    }
    use Move::{Reads, Sends};

    async fn peer(listener: &TcpListener, moves: &[Move<'_>]) -> TcpStream {
        let (mut stream, _) = listener.accept().await.unwrap();
        for one in moves {
            match one {
                Reads(text) => {
                    let mut arrived = vec![0; text.len()];
                    stream.read_exact(&mut arrived).await.unwrap();
                    assert_eq!(String::from_utf8(arrived).unwrap(), *text);
                }
                Sends(bytes) => stream.write_all(bytes).await.unwrap(),
            }
        }
        stream
    }

    async fn play_against(
        dialect: u8,
        text: &str,
        connections: &[&[Move<'_>]],
    ) -> Result<(), Failure> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let msnp = listener.local_addr().unwrap();
        let addresses = Addresses { msnp, http: msnp };
        let text = format!("# test\n@dialects 2-12\n{text}");
        let script = Transcript::parse(&text)
            .unwrap()
            .script(Some(dialect))
            .unwrap();
        let server = async {
            let mut streams = Vec::new();
            for moves in connections {
                streams.push(peer(&listener, moves).await);
            }
            streams
        };
        let (outcome, _) = tokio::join!(play(&script, addresses), server);
        outcome
    }

    #[tokio::test]
    async fn lines_payloads_and_values_go_both_ways() {
        let text = "* A opens NS\n\
                    A>NS: USR 3 MD5 I alice@example.com\n\
                    NS>A: USR 3 MD5 S {challenge}\n\
                    A>NS: USR 4 MD5 S {md5 challenge secret}\n\
                    NS>A: MSG Hotmail Hotmail *\n\
                    | ...\n\
                    | LoginTime: {time}\n\
                    | \n\
                    A>NS: UUX 5 *\n\
                    |> {time}\n\
                    @any\n\
                    NS>A: NLN NLN b@example.com *\n\
                    NS>A: FLN c@example.com\n\
                    @end\n\
                    * nothing for A\n\
                    A>NS raw: \\x00{time}\\n\n";
        let moves = [
            Reads("USR 3 MD5 I alice@example.com\r\n"),
            Sends(b"USR 3 MD5 S 1100000000.12345\r\n"),
            Reads("USR 4 MD5 S b2ce2bc9e58f8ee57a5606c900cd68c3\r\n"),
            Sends(b"MSG Hotmail Hotmail 36\r\nMIME-Version: 1.0\r\nLoginTime: 12\r\n\r\n"),
            Reads("UUX 5 2\r\n12"),
            Sends(b"FLN c@example.com\r\nNLN NLN b@example.com B\r\n"),
            Reads("PNG\r\n"),
            Sends(b"QNG 50\r\n"),
            Reads("PNG\r\n"),
            Sends(b"QNG\r\n"),
            Reads("\u{0}12\n"),
        ];
        play_against(8, text, &[&moves]).await.unwrap();
    }

    #[tokio::test]
    async fn challenges_nobody_asks_about_are_answered_on_the_way() {
        let moves = [
            Reads("PNG\r\n"),
            Sends(b"CHL 0 15570131571988941333\r\n"),
            Reads("QRY 4100000000 PROD0090YUAUV{2B 32\r\nd8d8cb2c2043a603d8286a3343143ee1"),
            Sends(b"QRY 4100000000\r\nQNG 50\r\n"),
        ];
        let text = "* A opens NS\nA>NS: PNG\nNS>A: QNG 50\n";
        play_against(12, text, &[&moves]).await.unwrap();
        let moves = [
            Sends(b"CHL 0 15570131571988941333\r\n"),
            Reads("QRY 9 msmsgs@msnmsgr.com 32\r\n8f2f5a91b72102cd28355e9fc9000d6e"),
        ];
        let text = "* A opens NS\nNS>A: CHL 0 {chl}\nA>NS: QRY 9 msmsgs@msnmsgr.com 32\n\
                    |> {qry chl msmsgs@msnmsgr.com}\n";
        play_against(6, text, &[&moves]).await.unwrap();
    }

    #[tokio::test]
    async fn a_failure_shows_the_line_the_difference_and_the_past() {
        let moves = [Reads("PNG\r\n"), Sends(b"QNG 50\r\n")];
        let text = "* A opens NS\nA>NS: PNG\nNS>A: QNG\n";
        let failure = play_against(8, text, &[&moves]).await.unwrap_err();
        assert_eq!(
            failure.to_string(),
            "line 5: A's connection NS\n  expected: QNG\n  arrived:  QNG 50\n  \
             the connection before that:\n    > PNG\\r\\n\n    < QNG 50"
        );
    }

    #[tokio::test]
    async fn silence_is_not_believed_but_asked_for() {
        let moves = [
            Reads("CAL 4200000000 @@a\r\n"),
            Sends(b"BYE bob@example.com\r\n208 4200000000\r\n"),
        ];
        let text = "* A opens SB\n* nothing for A on SB\n";
        let failure = play_against(8, text, &[&moves]).await.unwrap_err();
        assert!(failure.reason.contains("BYE bob@example.com"), "{failure}");
    }

    #[tokio::test]
    async fn what_is_left_at_the_end_fails() {
        let moves = [Sends(b"QNG\r\nFLN b@example.com\r\n")];
        let text = "* A opens NS\nNS>A: QNG\n";
        let failure = play_against(8, text, &[&moves]).await.unwrap_err();
        assert!(failure.reason.contains("FLN b@example.com"), "{failure}");
    }

    #[tokio::test]
    async fn a_close_is_expected_and_only_then_right() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let msnp = listener.local_addr().unwrap();
        let script = |text: &str| Transcript::parse(text).unwrap().script(None).unwrap();
        let addresses = Addresses { msnp, http: msnp };
        let closing = script("# t\n* A opens NS\n* NS closes A\n");
        let waiting = script("# t\n* A opens NS\nNS>A: QNG\n");
        let accept = async || drop(listener.accept().await.unwrap());
        let (outcome, ()) = tokio::join!(play(&closing, addresses), accept());
        outcome.unwrap();
        let (outcome, ()) = tokio::join!(play(&waiting, addresses), accept());
        let failure = outcome.unwrap_err();
        assert!(
            failure.reason.contains("closed the connection"),
            "{failure}"
        );
    }

    #[tokio::test]
    async fn somebody_is_signed_in_with_one_line() {
        let text = "@account alice@example.com password=secret\n\
                    * A is signed in as alice status=BSY\n";
        let moves = [
            Reads("VER 1 MSNP7 MSNP6 MSNP5 MSNP4 CVR0\r\n"),
            Sends(b"VER 1 MSNP7 MSNP6 MSNP5 MSNP4 CVR0\r\n"),
            Reads("INF 2\r\n"),
            Sends(b"INF 2 MD5\r\n"),
            Reads("USR 3 MD5 I alice@example.com\r\n"),
            Sends(b"USR 3 MD5 S 1100000000.12345\r\n"),
            Reads("USR 4 MD5 S b2ce2bc9e58f8ee57a5606c900cd68c3\r\n"),
            Sends(b"USR 4 OK alice@example.com Alice 1\r\nMSG Hotmail Hotmail 2\r\nab"),
            Reads("SYN 5 0\r\nCHG 7 BSY\r\nPNG\r\n"),
            Sends(b"SYN 5 1\r\nCHG 7 BSY\r\nILN 7 NLN b@example.com B\r\nQNG\r\n"),
        ];
        play_against(7, text, &[&moves]).await.unwrap();
    }
}
