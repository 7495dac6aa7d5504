//! Walks through a script without a server and finds what could never work: a line on a
//! connection that nobody opened, a value that is sent before anything could have set it, an
//! account that does not exist.

use std::collections::BTreeSet;

use super::pattern::Text;
use super::player;
use super::transcript::{Action, Exchange, Link, Misread, Script, Step, TicketSource};

/// The first thing that cannot work, if there is one.
pub(crate) fn rehearse(script: &Script) -> Result<(), Misread> {
    let mut rehearsal = Rehearsal {
        script,
        open: BTreeSet::new(),
        known: BTreeSet::new(),
    };
    for Step { line, action } in &script.steps {
        rehearsal.step(action).map_err(|reason| Misread {
            line: *line,
            reason,
        })?;
    }
    Ok(())
}

struct Rehearsal<'a> {
    script: &'a Script,
    open: BTreeSet<Link>,
    known: BTreeSet<String>,
}

impl Rehearsal<'_> {
    fn step(&mut self, action: &Action) -> Result<(), String> {
        match action {
            Action::Open { link, address } => {
                if let Some(address) = address {
                    self.needs(address)?;
                }
                self.opens(link)
            }
            Action::Close(link) | Action::Closed(link) => self.closes(link),
            Action::Send(exchange) => {
                self.is_open(&exchange.link)?;
                self.needs(&exchange.line)?;
                exchange
                    .payload
                    .as_ref()
                    .map_or(Ok(()), |text| self.needs(text))
            }
            Action::SendRaw { link, bytes } => {
                self.is_open(link)?;
                self.needs(bytes)
            }
            Action::Expect(exchange) => self.expects(exchange),
            Action::AnyOrder(lines) => lines
                .iter()
                .try_for_each(|(_, exchange)| self.expects(exchange)),
            Action::Nothing(link) => self.is_open(link),
            Action::SignIn(wish) => {
                let account = self.script.fixture.account(&wish.account)?;
                if wish.dialect < 8 && !account.legacy {
                    return Err(format!("{} has not opted in to MD5", account.address));
                }
                self.opens(&wish.link)
            }
            Action::Ticket(wish) => {
                self.script.fixture.account(&wish.account)?;
                if let Some(policy) = &wish.policy {
                    self.is_known(policy)?;
                }
                self.known.extend(wish.keep_as.clone());
                if let TicketSource::TokenService { key_as, .. } = &wish.source {
                    self.known.extend(key_as.clone());
                }
                Ok(())
            }
            Action::Administer { account, .. } => {
                let account = self.script.fixture.account(account)?;
                let is_admin = account.admin;
                is_admin
                    .then_some(())
                    .ok_or_else(|| format!("{} is no administrator", account.address))
            }
            Action::Set { name, value } => {
                self.needs(value)?;
                self.known.insert(name.clone());
                Ok(())
            }
        }
    }

    fn expects(&mut self, exchange: &Exchange) -> Result<(), String> {
        self.is_open(&exchange.link)?;
        for text in std::iter::once(&exchange.line).chain(&exchange.payload) {
            self.known.extend(text.captures().map(str::to_owned));
        }
        Ok(())
    }

    fn needs(&self, text: &Text) -> Result<(), String> {
        let mut names = text.needs();
        names.try_for_each(|name| self.is_known(name))
    }

    fn is_known(&self, name: &str) -> Result<(), String> {
        let is_given = player::known_values(self.script.dialect)
            .get(name)
            .is_some();
        if is_given || self.known.contains(name) {
            return Ok(());
        }
        Err(format!("{{{name}}} is not known yet"))
    }

    fn is_open(&self, link: &Link) -> Result<(), String> {
        if self.open.contains(link) {
            return Ok(());
        }
        Err(format!("{link} is not open"))
    }

    fn opens(&mut self, link: &Link) -> Result<(), String> {
        if self.open.insert(link.clone()) {
            return Ok(());
        }
        Err(format!("{link} is open already"))
    }

    fn closes(&mut self, link: &Link) -> Result<(), String> {
        if self.open.remove(link) {
            return Ok(());
        }
        Err(format!("{link} is not open"))
    }
}

mod tests {
    use super::super::transcript::Transcript;
    use super::*;

    fn mistake(text: &str) -> Option<usize> {
        let script = Transcript::parse(text).unwrap().script(None).unwrap();
        rehearse(&script).err().map(|misread| misread.line)
    }

    #[test]
    fn what_could_never_work_is_found() {
        assert_eq!(mistake("# t\n* A opens NS\nA>NS: PNG\nNS>A: QNG\n"), None);
        assert_eq!(mistake("# t\nA>NS: PNG\n"), Some(2));
        assert_eq!(mistake("# t\n* A opens NS\nA>NS: X {y}\n"), Some(3));
        assert_eq!(
            mistake("# t\n* A opens NS\nNS>A: X {y}\nA>NS: X {y}\n"),
            None
        );
        assert_eq!(
            mistake("# t\n* A opens NS\n* NS closes A\nNS>A: X\n"),
            Some(4)
        );
        assert_eq!(mistake("# t\n* A opens NS\n* A opens NS\n"), Some(3));
        let modern = "# t\n@account a@b.c password=x\n* A is signed in as a dialect=";
        assert_eq!(mistake(&format!("{modern}8\n")), None);
        assert_eq!(mistake(&format!("{modern}7\n")), Some(3));
    }
}
