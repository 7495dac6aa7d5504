//! The transcript format: from text to the steps of one dialect.
//!
//! `Transcript` is the file as it stands, `Script` what it means for one dialect, with the
//! fixture and every step's line number. The format is described in
//! `tests/transcripts/README.md`.

use std::fmt;
use std::ops::RangeInclusive;

use super::fixture::Fixture;
use super::pattern::Text;
use super::single_sign_on;

/// The first and last dialect that transcripts can name.
const KNOWN: RangeInclusive<u8> = 2..=18;

/// A transcript file.
#[derive(Debug)]
pub(crate) struct Transcript {
    /// The first comment line.
    pub(crate) title: String,
    /// The dialects to run it for; empty for a file that names one for every client.
    pub(crate) dialects: Vec<u8>,
    lines: Vec<(usize, String)>,
}

/// A transcript as it is played for one dialect.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) dialect: Option<u8>,
    pub(crate) fixture: Fixture,
    pub(crate) steps: Vec<Step>,
}

/// One thing that happens, and the line that says so.
#[derive(Debug)]
pub(crate) struct Step {
    pub(crate) line: usize,
    pub(crate) action: Action,
}

/// One connection: the client's letter and the server's role, numbered if there are several.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Link {
    pub(crate) client: char,
    pub(crate) role: String,
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}'s connection {}", self.client, self.role)
    }
}

/// The last field of a line with a payload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Computed,
    Fixed,
}

/// A command line with the payload that belongs to it.
#[derive(Debug)]
pub(crate) struct Exchange {
    pub(crate) link: Link,
    pub(crate) line: Text,
    pub(crate) payload: Option<Text>,
    /// Whether the player has to put the payload's length at the end of the line.
    pub(crate) length: Length,
}

/// How somebody is brought to a signed-in state in one step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignIn {
    pub(crate) link: Link,
    pub(crate) account: String,
    pub(crate) dialect: u8,
    /// `None`: stay before the first `CHG`.
    pub(crate) status: Option<String>,
    /// The client's name in `CVR`.
    pub(crate) library: Option<String>,
    /// The number and, after a space, the picture that follow the status.
    pub(crate) capabilities: Option<String>,
    pub(crate) picture: Option<String>,
    /// `Some(text)`: set it as the personal message before the first status.
    pub(crate) message: Option<String>,
    /// Which machine a client names that may be signed in at several places.
    pub(crate) machine: Option<String>,
    pub(crate) synchronise: bool,
}

/// A ticket to fetch from the login service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TicketWish {
    pub(crate) account: String,
    /// Another password than the account's.
    pub(crate) password: Option<String>,
    /// The placeholder that holds the policy to hand on.
    pub(crate) policy: Option<String>,
    /// The placeholder to keep the ticket in; `None`: the login service must refuse.
    pub(crate) keep_as: Option<String>,
    pub(crate) source: TicketSource,
}

/// Where a ticket is fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TicketSource {
    /// The nexus and the login page.
    LoginPage,
    /// The token service, with the placeholder to keep the ticket's key in.
    TokenService {
        service: String,
        key_as: Option<String>,
    },
}

/// What a step does.
#[derive(Debug)]
pub(crate) enum Action {
    Open {
        link: Link,
        address: Option<Text>,
    },
    Close(Link),
    /// The server closes, and nothing else arrives before.
    Closed(Link),
    Send(Exchange),
    SendRaw {
        link: Link,
        bytes: Text,
    },
    Expect(Exchange),
    /// Lines that arrive in any order on their connection.
    AnyOrder(Vec<(usize, Exchange)>),
    /// Nothing has arrived.
    Nothing(Link),
    SignIn(Box<SignIn>),
    Ticket(TicketWish),
    /// Somebody sends a form of the administrators' pages.
    Administer {
        account: String,
        page: &'static str,
        fields: Vec<(&'static str, String)>,
    },
    Set {
        name: String,
        value: Text,
    },
}

/// A line that nobody can play.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Misread {
    pub(crate) line: usize,
    pub(crate) reason: String,
}

impl fmt::Display for Misread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.reason)
    }
}

impl Transcript {
    /// Reads the title and the dialects; the rest is read for one dialect at a time.
    pub(crate) fn parse(text: &str) -> Result<Self, Misread> {
        let lines: Vec<(usize, String)> = text
            .lines()
            .enumerate()
            .map(|(index, line)| (index + 1, line.to_owned()))
            .collect();
        let title = lines
            .first()
            .and_then(|(_, line)| line.strip_prefix("# "))
            .ok_or_else(|| misread(1, "a transcript starts with its title: # ..."))?
            .to_owned();
        let mut dialects = Vec::new();
        for (number, line) in &lines {
            if let Some(list) = line.strip_prefix("@dialects ") {
                for range in list.split_whitespace() {
                    let range = parse_range(range).map_err(|reason| misread(*number, &reason))?;
                    dialects.extend(range);
                }
            }
        }
        Ok(Self {
            title,
            dialects,
            lines,
        })
    }

    /// What the file means for one dialect; `None` for a file without `@dialects`.
    pub(crate) fn script(&self, dialect: Option<u8>) -> Result<Script, Misread> {
        let mut reader = Reader {
            script: Script {
                dialect,
                ..Script::default()
            },
            blocks: Vec::new(),
            unordered: None,
            open: None,
            leaves_out: false,
        };
        for (number, line) in &self.lines {
            reader
                .line(*number, line)
                .map_err(|reason| misread(*number, &reason))?;
        }
        let end = self.lines.len();
        reader
            .finish_exchange()
            .map_err(|(line, reason)| misread(line, &reason))?;
        if !reader.blocks.is_empty() {
            return Err(misread(end, "a block has no @end"));
        }
        Ok(reader.script)
    }
}

fn misread(line: usize, reason: &str) -> Misread {
    Misread {
        line,
        reason: reason.to_owned(),
    }
}

/// `8`, `8-9`, `10+` or `-7`.
fn parse_range(text: &str) -> Result<RangeInclusive<u8>, String> {
    let number = |text: &str| {
        text.parse::<u8>()
            .ok()
            .filter(|number| KNOWN.contains(number))
            .ok_or_else(|| format!("{text:?} is no dialect between 2 and 18"))
    };
    if let Some(first) = text.strip_suffix('+') {
        return Ok(number(first)?..=*KNOWN.end());
    }
    match text.split_once('-') {
        Some(("", last)) => Ok(*KNOWN.start()..=number(last)?),
        Some((first, last)) => Ok(number(first)?..=number(last)?),
        None => Ok(number(text)?..=number(text)?),
    }
}

/// Whether a line with a prefix such as `[8-9]` is part of a payload.
fn is_payload_of_another_dialect(line: &str) -> bool {
    line.split_once(']')
        .is_some_and(|(_, rest)| rest.trim_start().starts_with('|'))
}

/// What a block is for, and whether this dialect plays what is in it.
#[derive(Debug)]
enum Block {
    Only(bool),
    AnyOrder,
}

/// A command line whose payload may still follow.
#[derive(Debug)]
struct OpenExchange {
    number: usize,
    sent: bool,
    link: Link,
    line: String,
    payload: Option<Text>,
    complete: bool,
}

#[derive(Debug)]
struct Reader {
    script: Script,
    blocks: Vec<Block>,
    unordered: Option<Vec<(usize, Exchange)>>,
    open: Option<OpenExchange>,
    /// Whether the command line read last is not for this dialect.
    leaves_out: bool,
}

impl Reader {
    fn line(&mut self, number: usize, line: &str) -> Result<(), String> {
        let line = line.trim_start();
        let Some(line) = self.for_this_dialect(line)? else {
            // The payload of a line that is left out is left out with it.
            if !is_payload_of_another_dialect(line) {
                self.finish_exchange().map_err(|(_, reason)| reason)?;
                self.leaves_out = true;
            }
            return Ok(());
        };
        if let Some(source) = line.strip_prefix('|') {
            return if self.is_played() && !self.leaves_out {
                self.payload_line(source)
            } else {
                Ok(())
            };
        }
        let line = line.trim_end();
        if line.is_empty() || line.starts_with('#') {
            return Ok(());
        }
        self.leaves_out = false;
        self.finish_exchange().map_err(|(_, reason)| reason)?;
        let (keyword, rest) = line.split_once(' ').unwrap_or((line, ""));
        if keyword.starts_with('@') && self.block_line(number, keyword, rest)? {
            return Ok(());
        }
        if !self.is_played() {
            return Ok(());
        }
        if keyword.starts_with('@') {
            return self.declaration(number, keyword, rest);
        }
        if keyword == "*" {
            let action = event(rest, self.script.dialect)?;
            return self.push(number, action);
        }
        self.exchange(number, line)
    }

    /// Takes a prefix such as `[8-9]` off; `None` if the line is for other dialects.
    fn for_this_dialect<'a>(&self, line: &'a str) -> Result<Option<&'a str>, String> {
        let Some((list, rest)) = line.strip_prefix('[').and_then(|line| line.split_once(']'))
        else {
            return Ok(Some(line));
        };
        Ok(self
            .is_meant(list)?
            .then(|| rest.strip_prefix(' ').unwrap_or(rest).trim_start()))
    }

    fn is_meant(&self, list: &str) -> Result<bool, String> {
        let dialect = self
            .script
            .dialect
            .ok_or("a file without @dialects has no lines for some dialects only")?;
        let mut meant = false;
        for range in list.split([',', ' ']).filter(|range| !range.is_empty()) {
            meant |= parse_range(range)?.contains(&dialect);
        }
        Ok(meant)
    }

    fn is_played(&self) -> bool {
        !self
            .blocks
            .iter()
            .any(|block| matches!(block, Block::Only(false)))
    }

    /// Reads `@only`, `@any` and `@end`; `Ok(false)` for other statements.
    fn block_line(&mut self, number: usize, keyword: &str, rest: &str) -> Result<bool, String> {
        match keyword {
            "@only" => {
                let meant = self.is_meant(rest)?;
                self.blocks.push(Block::Only(meant));
            }
            "@any" => {
                if self.unordered.is_some() {
                    return Err("an @any block cannot hold another".to_owned());
                }
                self.blocks.push(Block::AnyOrder);
                self.unordered = Some(Vec::new());
            }
            "@end" => match self.blocks.pop().ok_or("@end ends nothing")? {
                Block::Only(_) => {}
                Block::AnyOrder => {
                    let lines = self.unordered.take().unwrap_or_default();
                    if self.is_played() {
                        self.push(number, Action::AnyOrder(lines))?;
                    }
                }
            },
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn declaration(&mut self, number: usize, keyword: &str, rest: &str) -> Result<(), String> {
        match keyword {
            // Samples for the reader; the dialects have been read before.
            "@let" | "@dialects" => Ok(()),
            "@set" => {
                let (name, value) = rest
                    .split_once('=')
                    .ok_or("a value is set as: @set name = value")?;
                let value = value.trim();
                let value = value
                    .strip_prefix('"')
                    .and_then(|value| value.strip_suffix('"'))
                    .unwrap_or(value);
                self.push(
                    number,
                    Action::Set {
                        name: name.trim().to_owned(),
                        value: Text::sent(value)?,
                    },
                )
            }
            _ if self.script.fixture.read(keyword, rest)? => Ok(()),
            _ => Err(format!("unknown statement {keyword}")),
        }
    }

    fn exchange(&mut self, number: usize, line: &str) -> Result<(), String> {
        let unknown = || format!("not understood: {line}");
        let (head, text) = line.split_once(':').ok_or_else(unknown)?;
        let text = text.strip_prefix(' ').unwrap_or(text);
        let (head, is_raw) = match head.strip_suffix(" raw") {
            Some(head) => (head, true),
            None => (head, false),
        };
        let (from, to) = head.split_once('>').ok_or_else(unknown)?;
        let (link, sent) = match (client(from), client(to)) {
            (Some(letter), None) => (link(letter, to)?, true),
            (None, Some(letter)) => (link(letter, from)?, false),
            _ => return Err(unknown()),
        };
        if is_raw {
            if !sent {
                return Err("raw bytes are only ever sent".to_owned());
            }
            let bytes = Text::escaped(text)?;
            return self.push(number, Action::SendRaw { link, bytes });
        }
        self.open = Some(OpenExchange {
            number,
            sent,
            link,
            line: text.to_owned(),
            payload: None,
            complete: false,
        });
        Ok(())
    }

    fn payload_line(&mut self, source: &str) -> Result<(), String> {
        let open = self
            .open
            .as_mut()
            .ok_or("a payload belongs to the line before it")?;
        if open.complete {
            return Err("the payload has ended with |>".to_owned());
        }
        let payload = open.payload.get_or_insert_with(Text::payload);
        if let Some(source) = source.strip_prefix('>') {
            open.complete = true;
            return payload.add_payload_line(source.strip_prefix(' ').unwrap_or(source), "");
        }
        if let Some(source) = source.strip_prefix('=') {
            return payload.add_payload_bytes(source.strip_prefix(' ').unwrap_or(source));
        }
        payload.add_payload_line(source.strip_prefix(' ').unwrap_or(source), "\r\n")
    }

    /// Turns the command line read last into a step: its payload is complete now.
    fn finish_exchange(&mut self) -> Result<(), (usize, String)> {
        let Some(open) = self.open.take() else {
            return Ok(());
        };
        let number = open.number;
        let sent = open.sent;
        let exchange = finish(open).map_err(|reason| (number, reason))?;
        let action = if sent {
            Action::Send(exchange)
        } else {
            Action::Expect(exchange)
        };
        self.push(number, action).map_err(|reason| (number, reason))
    }

    fn push(&mut self, line: usize, action: Action) -> Result<(), String> {
        match (&mut self.unordered, action) {
            (Some(lines), Action::Expect(exchange)) => lines.push((line, exchange)),
            (Some(_), _) => {
                return Err("an @any block holds only lines that are expected".to_owned());
            }
            (None, action) => self.script.steps.push(Step { line, action }),
        }
        Ok(())
    }
}

fn finish(open: OpenExchange) -> Result<Exchange, String> {
    let mut line = open.line;
    let mut length = Length::Fixed;
    if let Some(payload) = &open.payload {
        let (head, last) = line
            .rsplit_once(' ')
            .ok_or("a line with a payload has a length")?;
        match (last, payload.fixed_length()) {
            ("*", _) | (_, None) => length = Length::Computed,
            (_, Some(bytes)) if last == bytes.to_string() => {}
            (_, Some(bytes)) => {
                return Err(format!(
                    "the payload has {bytes} bytes, the line says {last}"
                ));
            }
        }
        if length == Length::Computed {
            line = if open.sent {
                head.to_owned()
            } else {
                format!("{head} *")
            };
        }
    }
    Ok(Exchange {
        link: open.link,
        line: if open.sent {
            Text::sent(&line)?
        } else {
            Text::line(&line)?
        },
        payload: open.payload,
        length,
    })
}

/// A client is one capital letter.
fn client(text: &str) -> Option<char> {
    let mut letters = text.chars();
    letters
        .next()
        .filter(|letter| letter.is_ascii_uppercase() && letters.next().is_none())
}

/// A role is `NS`, `SB` or `DS`, with a number where a client has several.
fn link(client: char, role: &str) -> Result<Link, String> {
    let kind = role.trim_end_matches(|c: char| c.is_ascii_digit());
    if !matches!(kind, "NS" | "SB" | "DS") {
        return Err(format!("{role} is no server; there are NS, SB and DS"));
    }
    Ok(Link {
        client,
        role: role.to_owned(),
    })
}

/// Reads what follows `*`.
fn event(text: &str, dialect: Option<u8>) -> Result<Action, String> {
    let unknown = || format!("no such event: {text}");
    let words: Vec<&str> = text.split_whitespace().collect();
    let by_client = words.first().and_then(|word| client(word));
    match (by_client, words.as_slice()) {
        (Some(letter), [_, "opens", role]) => Ok(Action::Open {
            link: link(letter, role)?,
            address: None,
        }),
        (Some(letter), [_, "opens", role, "at", address]) => Ok(Action::Open {
            link: link(letter, role)?,
            address: Some(Text::sent(address)?),
        }),
        (Some(letter), [_, "closes"]) => Ok(Action::Close(link(letter, "NS")?)),
        (Some(letter), [_, "closes", role]) => Ok(Action::Close(link(letter, role)?)),
        (None, [role, "closes", letter]) => {
            let letter = client(letter).ok_or_else(unknown)?;
            Ok(Action::Closed(link(letter, role)?))
        }
        (None, ["nothing", "for", letter]) => {
            let letter = client(letter).ok_or_else(unknown)?;
            Ok(Action::Nothing(link(letter, "NS")?))
        }
        (None, ["nothing", "for", letter, "on", role]) => {
            let letter = client(letter).ok_or_else(unknown)?;
            Ok(Action::Nothing(link(letter, role)?))
        }
        (Some(letter), [_, "is", "signed", "in", "as", account, options @ ..]) => {
            sign_in(link(letter, "NS")?, account, dialect, options)
        }
        (
            Some(_),
            [
                _,
                "gets",
                "a",
                "ticket",
                "for",
                account,
                "as",
                name,
                options @ ..,
            ],
        ) => {
            let name = placeholder(name).ok_or_else(unknown)?;
            ticket(account, Some(name), options)
        }
        (
            Some(_),
            [
                _,
                "gets",
                "an",
                "SSO",
                "ticket",
                "for",
                account,
                "as",
                name,
                "with",
                "key",
                key,
                options @ ..,
            ],
        ) => {
            let keep_as = placeholder(name).ok_or_else(unknown)?;
            let key_as = placeholder(key).ok_or_else(unknown)?;
            sso_ticket(account, Some((keep_as, key_as)), options)
        }
        (
            Some(_),
            [
                _,
                "is",
                "refused",
                "an",
                "SSO",
                "ticket",
                "for",
                account,
                options @ ..,
            ],
        ) => sso_ticket(account, None, options),
        (
            Some(_),
            [
                _,
                "is",
                "refused",
                "a",
                "ticket",
                "for",
                account,
                options @ ..,
            ],
        ) => ticket(account, None, options),
        (None, [account, deed @ ..]) => administer(account, deed).ok_or_else(unknown),
        _ => Err(unknown()),
    }
}

/// What an administrator does from a browser.
fn administer(account: &str, deed: &[&str]) -> Option<Action> {
    let (page, fields) = match deed {
        ["announces", words @ ..] => ("/admin/announcement", vec![("text", words.join(" "))]),
        ["plans", "a", "stop", "in", minutes] => (
            "/admin/maintenance",
            vec![("minutes", (*minutes).to_owned())],
        ),
        ["plans", "a", "stop", "in", minutes, "without", "sign-ins"] => {
            let refuse = ("refuse", "1".to_owned());
            let minutes = ("minutes", (*minutes).to_owned());
            ("/admin/maintenance", vec![minutes, refuse])
        }
        ["calls", "the", "stop", "off"] => ("/admin/maintenance/cancel", Vec::new()),
        _ => return None,
    };
    Some(Action::Administer {
        account: account.to_owned(),
        page,
        fields,
    })
}

fn sign_in(
    link: Link,
    account: &str,
    dialect: Option<u8>,
    options: &[&str],
) -> Result<Action, String> {
    let mut wish = SignIn {
        link,
        account: account.to_owned(),
        dialect: 0,
        status: Some("NLN".to_owned()),
        library: None,
        capabilities: None,
        picture: None,
        message: None,
        machine: None,
        synchronise: true,
    };
    let mut chosen = dialect;
    for option in options {
        match option.split_once('=') {
            Some(("dialect", value)) => chosen = Some(*parse_range(value)?.start()),
            Some(("status", "none")) => wish.status = None,
            Some(("status", value)) => wish.status = Some(value.to_owned()),
            Some(("library", value)) => wish.library = Some(value.to_owned()),
            Some(("caps", value)) => wish.capabilities = Some(value.to_owned()),
            Some(("picture", value)) => wish.picture = Some(value.to_owned()),
            Some(("message", value)) => wish.message = Some(value.to_owned()),
            Some(("machine", value)) => wish.machine = Some(value.to_owned()),
            Some(("sync", "no")) => wish.synchronise = false,
            Some(("link", role)) => wish.link = self::link(wish.link.client, role)?,
            _ => return Err(format!("a sign-in has no {option}")),
        }
    }
    wish.dialect = chosen.ok_or("which dialect? add dialect=N")?;
    Ok(Action::SignIn(Box::new(wish)))
}

/// The name in `{name}`.
fn placeholder(text: &str) -> Option<&str> {
    text.strip_prefix('{')?.strip_suffix('}')
}

fn sso_ticket(
    account: &str,
    keep_as: Option<(&str, &str)>,
    options: &[&str],
) -> Result<Action, String> {
    let mut password = None;
    let mut service = single_sign_on::MESSENGER.to_owned();
    for option in options {
        match option.split_once('=') {
            Some(("password", value)) => password = Some(value.to_owned()),
            Some(("service", value)) => service = value.to_owned(),
            _ => return Err(format!("an SSO ticket has no {option}")),
        }
    }
    Ok(Action::Ticket(TicketWish {
        account: account.to_owned(),
        password,
        policy: None,
        keep_as: keep_as.map(|(name, _)| name.to_owned()),
        source: TicketSource::TokenService {
            service,
            key_as: keep_as.map(|(_, key)| key.to_owned()),
        },
    }))
}

fn ticket(account: &str, keep_as: Option<&str>, options: &[&str]) -> Result<Action, String> {
    let mut wish = TicketWish {
        account: account.to_owned(),
        password: None,
        policy: None,
        keep_as: keep_as.map(str::to_owned),
        source: TicketSource::LoginPage,
    };
    for option in options {
        match option.split_once('=') {
            Some(("password", value)) => wish.password = Some(value.to_owned()),
            Some(("policy", value)) => {
                wish.policy = Some(value.trim_matches(['{', '}']).to_owned());
            }
            _ => return Err(format!("a ticket has no {option}")),
        }
    }
    Ok(Action::Ticket(wish))
}

mod tests {
    use super::super::pattern::Values;
    use super::*;

    fn script(text: &str, dialect: Option<u8>) -> Result<Script, Misread> {
        Transcript::parse(text)?.script(dialect)
    }

    fn actions(text: &str, dialect: u8) -> Vec<String> {
        script(text, Some(dialect))
            .unwrap()
            .steps
            .iter()
            .map(|step| match &step.action {
                Action::Send(exchange) | Action::Expect(exchange) => {
                    exchange.line.describe(&Values::default())
                }
                other => format!("{other:?}"),
            })
            .collect()
    }

    #[test]
    fn the_header_names_title_and_dialects() {
        let transcript = Transcript::parse("# Ping\n@dialects 2-4 8 11+\n").unwrap();
        assert_eq!(transcript.title, "Ping");
        assert_eq!(
            transcript.dialects,
            [2, 3, 4, 8, 11, 12, 13, 14, 15, 16, 17, 18]
        );
        assert!(Transcript::parse("A>NS: PNG").is_err());
        assert!(Transcript::parse("# x\n@dialects 19\n").is_err());
    }

    #[test]
    fn prefixes_and_blocks_choose_lines_for_dialects() {
        let text = "# t\n@dialects 2-12\nA>NS: PNG\n[2-8] NS>A: QNG\n[9+] NS>A: QNG {next}\n\
                    @only 11+\nA>NS: GCF 1 x\n@end\n";
        assert_eq!(actions(text, 8), ["PNG", "QNG"]);
        assert_eq!(actions(text, 9), ["PNG", "QNG {next}"]);
        assert_eq!(actions(text, 12), ["PNG", "QNG {next}", "GCF 1 x"]);
    }

    #[test]
    fn a_payload_belongs_to_the_line_before_and_its_length_is_checked() {
        let text = "# t\n@dialects 8+\nA>SB: MSG 1 U 11\n| abc\n|> defghi\nA>SB: PNG\n";
        assert_eq!(actions(text, 8), ["MSG 1 U 11", "PNG"]);
        let wrong = "# t\n@dialects 8+\nA>SB: MSG 1 U 12\n| abc\n|> defghi\n";
        assert_eq!(script(wrong, Some(8)).unwrap_err().line, 3);
        let computed = "# t\n@dialects 8+\nSB>A: MSG h n 12\n[9+] | {x}\n|> abc\n";
        assert_eq!(actions(computed, 9), ["MSG h n *"]);
        let left_out = "# t\n@dialects 8+\nA>SB: PNG\n[9+] A>SB: MSG 1 U 3\n|> abc\n";
        assert_eq!(actions(left_out, 8), ["PNG"]);
        assert!(script("# t\n| abc\n", None).is_err());
        assert!(script("# t\nA>SB: MSG 1 U *\n|> a\n| b\n", None).is_err());
    }

    #[test]
    fn events_are_read() {
        let text = "# t\n* A opens NS\n* A opens SB2 at {addr}\n* A closes\n* SB2 closes A\n\
                    * nothing for B\n* nothing for B on SB\n\
                    * A is signed in as alice dialect=12 status=BSY\n\
                    * A gets a ticket for alice as {ticket}\n\
                    * A is refused a ticket for alice password=wrong\n";
        let steps = script(text, None).unwrap().steps;
        assert_eq!(steps.len(), 9);
        assert!(
            matches!(&steps[1].action, Action::Open { address: Some(_), link } if link.role == "SB2")
        );
        assert!(matches!(&steps[3].action, Action::Closed(link) if link.client == 'A'));
        assert!(matches!(&steps[6].action, Action::SignIn(wish)
                if wish.dialect == 12 && wish.status.as_deref() == Some("BSY")));
        assert!(script("# t\n* A is signed in as alice\n", None).is_err());
        assert!(script("# t\n* A dances\n", None).is_err());
    }

    #[test]
    fn unordered_blocks_hold_expected_lines_only() {
        let text = "# t\n@any\nNS>A: NLN a\nNS>A: NLN b\n@end\n";
        let steps = script(text, None).unwrap().steps;
        assert!(matches!(&steps[0].action, Action::AnyOrder(lines) if lines.len() == 2));
        assert!(script("# t\n@any\nA>NS: PNG\nNS>A: QNG\n@end\n", None).is_err());
        assert!(script("# t\n@any\nNS>A: NLN a\n", None).is_err());
    }

    #[test]
    fn lines_without_meaning_are_refused_with_their_number() {
        for wrong in [
            "A>XX: PNG",
            "A>B: PNG",
            "NS>A raw: x",
            "hello",
            "@nonsense x",
            "[8] A>NS: PNG",
        ] {
            let text = format!("# t\n# c\n{wrong}\n");
            assert_eq!(script(&text, None).unwrap_err().line, 3, "{wrong}");
        }
    }
}
