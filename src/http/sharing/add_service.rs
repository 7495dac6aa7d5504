//! `AddService`: a service with lists of its own.
//!
//! There is one, the messenger, and it is there from the beginning. The fault for others is one
//! that clients take (`docs/protocol/12 §5`).

use roxmltree::Node;

use super::view::ServiceAdded;
use crate::http::address_book::{maybe, not_supported, reply, text};
use crate::http::soap::{Call, Failure, Malformed, Reply};

pub(super) const OPERATION: &str = "AddService";

/// The number of the messenger in `FindMembership`.
const MESSENGER: u32 = 1;

pub(super) fn answer(call: &Call<'_>) -> Result<Reply, Failure> {
    if read(call.operation.node)? != "Messenger" {
        return Err(not_supported());
    }
    reply(call, &ServiceAdded { id: MESSENGER })
}

/// The type of the service.
fn read<'d>(request: Node<'d, '_>) -> Result<&'d str, Malformed> {
    let info = maybe(request, "serviceInfo")?.ok_or(Malformed)?;
    let handle = maybe(info, "Handle")?.ok_or(Malformed)?;
    text(handle, "Type")?.ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use roxmltree::Document;

    use super::*;

    #[test]
    fn the_type_of_a_service_is_read() {
        let read = |request: &str| {
            let document = Document::parse(request).unwrap();
            read(document.root_element()).map(str::to_owned)
        };
        let handle = "<Handle><Id>0</Id><Type>Space</Type></Handle>";
        let request = format!("<a><serviceInfo>{handle}</serviceInfo></a>");
        assert_eq!(read(&request).as_deref(), Ok("Space"));
        assert_eq!(read("<a><serviceInfo/></a>"), Err(Malformed));
    }
}
