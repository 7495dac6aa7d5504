//! `CreateCircle`: a new circle, with the caller as its administrator (`docs/protocol/12 §6`).
//!
//! Only its name is asked for: all circles are of the same kind here, and who is in one is named
//! by the account's own name.

use roxmltree::Node;

use super::view::CircleCreated;
use crate::http::address_book::{maybe, reply, text};
use crate::http::soap::{Call, Failure, Malformed, Reply};
use crate::model::{Label, Refusal};
use crate::service::{CircleRequest, Origin};

pub(super) const OPERATION: &str = "CreateCircle";

pub(super) async fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    let request = CircleRequest::Create {
        name: read(call.operation.node)?,
    };
    let origin = Origin::Grant(Some(call.by.grant));
    let circles = &call.web.services.circles;
    let created = circles.change(call.by.user, origin, request).await?;
    let id = created.circle.id.guid();
    reply(call, &CircleCreated { id })
}

fn read(request: Node<'_, '_>) -> Result<Label, Failure> {
    let properties = maybe(request, "properties")?.ok_or(Malformed)?;
    let name = text(properties, "DisplayName")?.ok_or(Malformed)?;
    let name = Label::from_text(name.trim(), Label::NAME_MAX);
    Ok(name.map_err(|_| Refusal::IllegalName)?)
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    #[test]
    fn the_name_is_read_and_the_rest_passed_over() {
        let read = |inner: &str| {
            let request = format!("<a><properties>{inner}</properties><callerInfo/></a>");
            let document = Document::parse(&request).unwrap();
            read(document.root_element()).map(|name| name.to_text())
        };
        let name = "<Domain>1</Domain><DisplayName> A &amp; B </DisplayName>";
        assert_eq!(read(name).unwrap(), "A & B");
        assert!(matches!(
            read("<Domain>1</Domain>"),
            Err(Failure::Malformed(_))
        ));
        let long = format!("<DisplayName>{}</DisplayName>", "x".repeat(400));
        assert!(matches!(
            read(&long),
            Err(Failure::Refused(Refusal::IllegalName))
        ));
    }
}
