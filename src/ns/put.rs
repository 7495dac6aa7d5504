//! `PUT n length` with header groups: a client publishes something in a circle
//! (`docs/protocol/10 §10`): itself, which is how it enters the live roster, or the circle's name.

use super::session::{SignedIn, Surroundings};
use super::{Failure, Handled};
use crate::dialect::blocks::{Blocks, Content, Party};
use crate::dialect::circles::{
    CONTENT_TYPE, CircleNotices, CirclePublication, ROSTER, URI, read_publication,
};
use crate::model::{CircleId, Label, PresenceNews, Refusal};
use crate::service::{CircleRequest, Origin};
use crate::wire::{Arguments, Outbox};

#[derive(Debug)]
pub(super) struct Put {
    circle: CircleId,
    from: Party,
    publication: CirclePublication,
}

impl Put {
    pub(super) fn parse(mut args: Arguments<'_>, payload: Option<&[u8]>) -> Result<Self, Failure> {
        args.number()?;
        args.finish()?;
        let blocks = Blocks::parse(payload.ok_or(Failure::Violation)?)
            .map_err(|_| Refusal::InvalidParameter)?;
        let Party::Circle { id, path } = &blocks.to else {
            return Err(Refusal::InvalidParameter.into());
        };
        let is_about_the_circle = path.as_ref().is_none_or(|path| path == ROSTER)
            && matches!(&blocks.content, Content::Publication { uri, content_type }
                if uri == URI && content_type.eq_ignore_ascii_case(CONTENT_TYPE));
        if !is_about_the_circle {
            return Err(Refusal::InvalidParameter.into());
        }
        let publication = read_publication(blocks.body());
        Ok(Self {
            circle: *id,
            publication: publication.ok_or(Refusal::InvalidParameter)?,
            from: blocks.from,
        })
    }

    pub(super) async fn apply(
        self,
        trid: u32,
        client: &SignedIn,
        around: &Surroundings,
        out: &mut Outbox,
    ) -> Handled {
        client.require_own(&self.from)?;
        match self.publication {
            // Nobody enters for somebody else.
            CirclePublication::Join(who) if who != client.address => {
                Err(Refusal::InvalidParameter.into())
            }
            CirclePublication::Join(_) => enter(trid, self.circle, client, around, out).await,
            // A message, a picture or media of a circle is nothing that this server keeps.
            CirclePublication::Properties { has_more: true, .. } => Err(Refusal::Disabled.into()),
            CirclePublication::Properties { name, .. } => {
                let name = Label::from_text(&name, Label::NAME_MAX);
                let request = CircleRequest::Rename {
                    circle: self.circle,
                    name: name.map_err(|_| Refusal::IllegalName)?,
                };
                let origin = Origin::Session(client.guard.session());
                let circles = &around.services.circles;
                circles.change(client.guard.user(), origin, request).await?;
                answer(trid, out);
                Ok(())
            }
        }
    }
}

/// The client enters the live roster, and is told who is there and what it may see of them.
async fn enter(
    trid: u32,
    circle: CircleId,
    client: &SignedIn,
    around: &Surroundings,
    out: &mut Outbox,
) -> Handled {
    let found = around.services.circles.enter(&client.guard, circle).await?;
    answer(trid, out);
    CircleNotices::new(circle, &client.address).roster(&found.roster, out);
    for presence in found.presences {
        let news = PresenceNews::Appeared;
        client.dialect.presence_via(circle, &presence, news, out);
    }
    Ok(())
}

/// COMPAT: Windows Live Messenger 2009 waits for the zero.
fn answer(trid: u32, out: &mut Outbox) {
    out.line("PUT").arg(trid).arg("OK").payload(b"");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(to: &str, uri: &str, kind: &str, body: &str) -> Result<Put, Failure> {
        let payload = format!(
            "Routing: 1.0\r\nTo: {to}\r\nFrom: 1:alice@example.com\r\n\r\n\
             Reliability: 1.0\r\nStream: 0\r\nSegment: 0\r\n\r\n\
             Publication: 1.0\r\nUri: {uri}\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n\
             {body}",
            body.len()
        );
        let length = payload.len().to_string();
        Put::parse(Arguments::new(length.as_bytes()), Some(payload.as_bytes()))
    }

    #[test]
    fn a_publication_is_for_a_circle_and_about_it() {
        let circle = "9:00000000-0000-0000-0009-73944a8f7947@live.com";
        let body = "<circle><roster><id>IM</id><user><id>1:alice@example.com</id></user>\
                    </roster></circle>";
        assert!(parse(circle, URI, CONTENT_TYPE, body).is_ok());
        let with_path = format!("{circle};path=IM");
        assert!(parse(&with_path, URI, "Application/Circles+XML", body).is_ok());
        for bad in [
            parse("1:alice@example.com", URI, CONTENT_TYPE, body),
            parse(&format!("{circle};path=PE"), URI, CONTENT_TYPE, body),
            parse(circle, "/user", CONTENT_TYPE, body),
            parse(circle, URI, "application/user+xml", body),
            parse(circle, URI, CONTENT_TYPE, "<circle/>"),
        ] {
            assert!(matches!(
                bad,
                Err(Failure::Refused(Refusal::InvalidParameter))
            ));
        }
    }
}
