//! What the answers of the address book say, ready for the templates.
//!
//! The order of the elements is that of the service's own description, because the official
//! clients read by it (`docs/protocol/12 §4.3`); it stands in the templates and nowhere else.

use askama::Template;

use crate::model::Guid;

/// Something of the book: as it is now or, in a delta, that it is gone.
#[derive(Debug)]
pub(in crate::http) enum Entry<T> {
    Kept(T),
    Removed(Removed),
}

/// A contact or group that is gone.
#[derive(Debug)]
pub(in crate::http) struct Removed {
    pub(in crate::http) id: Guid,
    pub(in crate::http) changed: String,
}

/// A remark that clients keep with a contact, a group or a member.
#[derive(Debug)]
pub(in crate::http) struct AnnotationView {
    pub(in crate::http) name: String,
    pub(in crate::http) value: String,
}

/// An element with nothing but text in it: its name and its text.
pub(in crate::http) type Element = (&'static str, String);

/// A list of a contact, such as its addresses.
#[derive(Debug)]
pub(in crate::http) struct ItemsView {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) items: Vec<ItemView>,
    /// The elements at the end of every item, which say nothing.
    pub(in crate::http) tail: &'static str,
}

/// One of a list.
#[derive(Debug)]
pub(in crate::http) struct ItemView {
    pub(in crate::http) name: &'static str,
    pub(in crate::http) parts: Vec<Element>,
}

/// How a contact stands to the owner: an invitation, or membership of a circle.
#[derive(Debug)]
pub(in crate::http) struct NetworkView {
    /// The circle this is about, in upper case; empty for people.
    pub(in crate::http) domain_tag: String,
    pub(in crate::http) kind: u8,
    pub(in crate::http) state: u8,
    pub(in crate::http) state_date: String,
    pub(in crate::http) role: u8,
    pub(in crate::http) inviter: Option<InviterView>,
    pub(in crate::http) created: String,
}

/// Who invited.
#[derive(Debug)]
pub(in crate::http) struct InviterView {
    pub(in crate::http) message: String,
    pub(in crate::http) cid: i64,
    pub(in crate::http) name: String,
    pub(in crate::http) address: String,
}

/// Somebody in the book, its owner included. Where runs of simple elements stand between others,
/// each run is a field, in the order of the schema.
#[derive(Debug)]
pub(in crate::http) struct ContactView {
    pub(in crate::http) id: Guid,
    pub(in crate::http) lists: Vec<ItemsView>,
    pub(in crate::http) annotations: Vec<AnnotationView>,
    pub(in crate::http) groups: Vec<Guid>,
    /// `contactType` up to `NameTitle`.
    pub(in crate::http) names: Vec<Element>,
    pub(in crate::http) address: String,
    pub(in crate::http) display_name: String,
    pub(in crate::http) cid: i64,
    /// `comment` up to `isMobileIMEnabled`.
    pub(in crate::http) remarks: Vec<Element>,
    pub(in crate::http) is_messenger_user: bool,
    /// `isFavorite` up to `TrustLevel`.
    pub(in crate::http) details: Vec<Element>,
    pub(in crate::http) networks: Vec<NetworkView>,
    /// `PublicDisplayName` up to `IsShellContact`.
    pub(in crate::http) flags: Vec<Element>,
    /// `FileAs`.
    pub(in crate::http) filing: Vec<Element>,
    pub(in crate::http) late_lists: Vec<ItemsView>,
    pub(in crate::http) changed: String,
    pub(in crate::http) created: String,
}

/// A group of contacts.
#[derive(Debug)]
pub(in crate::http) struct GroupView {
    pub(in crate::http) id: Guid,
    pub(in crate::http) name: String,
    pub(in crate::http) is_favorite: bool,
    pub(in crate::http) annotations: Vec<AnnotationView>,
    pub(in crate::http) changed: String,
}

/// The book itself: a person's own, or a circle's.
#[derive(Debug)]
pub(in crate::http) struct AbView {
    pub(in crate::http) id: Guid,
    pub(in crate::http) owner_cid: i64,
    pub(in crate::http) owner_address: String,
    /// Whether this is the book that its owner's clients start with.
    pub(in crate::http) is_default: bool,
    /// `Individual` or `Group`.
    pub(in crate::http) kind: &'static str,
    pub(in crate::http) changed: String,
    pub(in crate::http) created: String,
}

/// What a download carries, whatever its operation is called.
#[derive(Debug)]
pub(in crate::http) struct Page {
    pub(in crate::http) groups: Vec<Entry<GroupView>>,
    pub(in crate::http) contacts: Vec<Entry<ContactView>>,
    pub(in crate::http) ab: AbView,
}

/// One circle from its member's point of view.
#[derive(Debug)]
pub(in crate::http) struct CircleView {
    pub(in crate::http) id: Guid,
    pub(in crate::http) name: String,
    pub(in crate::http) membership_access: u8,
    pub(in crate::http) request_membership_option: u8,
    /// `Admin`, `AssistantAdmin`, `Member` or `StatePendingOutbound`.
    pub(in crate::http) role: &'static str,
    /// `Accepted`, `WaitingResponse`, `Left` or `Rejected`.
    pub(in crate::http) state: &'static str,
    pub(in crate::http) is_deleted: bool,
    pub(in crate::http) changed: String,
    pub(in crate::http) created: String,
}

/// The circles of a person, and the ticket that their client shows when it enters them.
#[derive(Debug)]
pub(in crate::http) struct CirclesView {
    pub(in crate::http) circles: Vec<CircleView>,
    pub(in crate::http) ticket: String,
}

/// Answer to `ABFindAll`.
#[derive(Debug, Template)]
#[template(path = "address_book/find_all.xml")]
pub(in crate::http) struct FoundAll {
    pub(in crate::http) page: Page,
    pub(in crate::http) circle_ticket: String,
}

/// Answer to `ABFindContactsPaged`. A circle's own book has no circles in it.
#[derive(Debug, Template)]
#[template(path = "address_book/find_contacts_paged.xml")]
pub(in crate::http) struct FoundPage {
    pub(in crate::http) page: Page,
    pub(in crate::http) circles: Option<CirclesView>,
}

/// Answer to `ABFindByContacts`.
#[derive(Debug, Template)]
#[template(path = "address_book/find_by_contacts.xml")]
pub(in crate::http) struct FoundContacts {
    pub(in crate::http) page: Page,
}

/// Answer that carries one contact.
#[derive(Debug, Template)]
#[template(path = "address_book/one_contact.xml")]
pub(in crate::http) struct OneContact {
    pub(in crate::http) operation: &'static str,
    pub(in crate::http) contact: ContactView,
}

/// Answer that carries the identity of what was made.
#[derive(Debug, Template)]
#[template(path = "address_book/guid.xml")]
pub(in crate::http) struct Made {
    pub(in crate::http) operation: &'static str,
    pub(in crate::http) id: Guid,
}

/// Answer to `ABAdd`.
#[derive(Debug, Template)]
#[template(path = "address_book/ab_add.xml")]
pub(in crate::http) struct AbAdded {
    pub(in crate::http) id: Guid,
}

/// Answer that says no more than that it was done.
#[derive(Debug, Template)]
#[template(path = "address_book/done.xml")]
pub(in crate::http) struct Done {
    pub(in crate::http) operation: &'static str,
}

#[cfg(test)]
pub(in crate::http) mod tests {
    use super::*;
    use crate::http::address_book::stamp::stamp;

    fn guid(last: u8) -> Guid {
        Guid::parse(&format!("5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c{last:02x}")).unwrap()
    }

    fn annotation(name: &str, value: &str) -> AnnotationView {
        AnnotationView {
            name: name.to_owned(),
            value: value.to_owned(),
        }
    }

    fn elements(of: &[(&'static str, &str)]) -> Vec<Element> {
        of.iter()
            .map(|&(name, value)| (name, value.to_owned()))
            .collect()
    }

    /// Somebody of whom nothing is known but the address.
    fn bare() -> ContactView {
        ContactView {
            id: guid(1),
            lists: Vec::new(),
            annotations: Vec::new(),
            groups: Vec::new(),
            names: elements(&[("contactType", "Regular"), ("quickName", "Bob")]),
            address: "bob@example.net".to_owned(),
            display_name: "Bob <3 & \"friends\"".to_owned(),
            cid: -8_690_466_096_927_522_256,
            remarks: elements(&[("isMobileIMEnabled", "false")]),
            is_messenger_user: true,
            details: elements(&[("isFavorite", "false"), ("TimeZone", "None")]),
            networks: Vec::new(),
            flags: elements(&[("IsHidden", "false"), ("IsShellContact", "false")]),
            filing: Vec::new(),
            late_lists: Vec::new(),
            changed: stamp(1_262_401_445_678),
            created: stamp(1_262_304_000_000),
        }
    }

    /// Somebody with everything that a contact can have around its simple elements.
    fn full() -> ContactView {
        let list = |name, item, parts: &[(&'static str, &str)], tail| ItemsView {
            name,
            items: vec![ItemView {
                name: item,
                parts: elements(parts),
            }],
            tail,
        };
        ContactView {
            id: guid(2),
            lists: vec![list(
                "phones",
                "ContactPhone",
                &[
                    ("contactPhoneType", "ContactPhoneMobile"),
                    ("number", "+1 <555> 0100"),
                    ("isMessengerEnabled", "true"),
                ],
                "<propertiesChanged />",
            )],
            annotations: vec![annotation("AB.NickName", "Caro"), annotation("X", "")],
            groups: vec![guid(10), guid(11)],
            networks: vec![
                NetworkView {
                    domain_tag: String::new(),
                    kind: 3,
                    state: 1,
                    state_date: stamp(1_262_401_445_678),
                    role: 0,
                    inviter: Some(InviterView {
                        message: "hi".to_owned(),
                        cid: 844_424_930_131_969,
                        name: "Carol".to_owned(),
                        address: "carol@example.org".to_owned(),
                    }),
                    created: stamp(1_262_304_000_000),
                },
                NetworkView {
                    domain_tag: "00000000-0000-0000-0009-73944A8F7947".to_owned(),
                    kind: 5,
                    state: 3,
                    state_date: stamp(1_262_401_445_678),
                    role: 3,
                    inviter: None,
                    created: stamp(1_262_304_000_000),
                },
            ],
            filing: elements(&[("FileAs", "Carol")]),
            late_lists: vec![list(
                "URLs",
                "ContactURL",
                &[
                    ("URLId", "1"),
                    ("URLType", "Home"),
                    ("URLName", "x"),
                    ("URL", "http://example.org/?a=1&b=2"),
                ],
                "<LastChange>0001-01-01T00:00:00</LastChange><Changes />",
            )],
            ..bare()
        }
    }

    fn page() -> Page {
        let removed = |id| Removed {
            id,
            changed: stamp(1_262_401_445_679),
        };
        Page {
            groups: vec![
                Entry::Kept(GroupView {
                    id: guid(10),
                    name: "Friends & family".to_owned(),
                    is_favorite: true,
                    annotations: vec![annotation("MSN.IM.Display", "1")],
                    changed: stamp(1_262_401_445_678),
                }),
                Entry::Kept(GroupView {
                    id: guid(11),
                    name: "Work".to_owned(),
                    is_favorite: false,
                    annotations: Vec::new(),
                    changed: stamp(1_262_401_445_678),
                }),
                Entry::Removed(removed(guid(12))),
            ],
            contacts: vec![
                Entry::Kept(bare()),
                Entry::Kept(full()),
                Entry::Removed(removed(guid(3))),
            ],
            ab: AbView {
                id: Guid::NIL,
                owner_cid: 844_424_930_131_969,
                owner_address: "alice@example.com".to_owned(),
                is_default: true,
                kind: "Individual",
                changed: stamp(1_262_401_445_679),
                created: stamp(1_262_304_000_000),
            },
        }
    }

    fn circles() -> CirclesView {
        CirclesView {
            circles: vec![CircleView {
                id: Guid::parse("00000000-0000-0000-0009-73944a8f7947").unwrap(),
                name: "Hiking".to_owned(),
                membership_access: 0,
                request_membership_option: 2,
                role: "Admin",
                state: "Accepted",
                is_deleted: false,
                changed: stamp(1_262_401_445_678),
                created: stamp(1_262_304_000_000),
            }],
            ticket: "<?xml version=\"1.0\"?><SignedTicket/>".to_owned(),
        }
    }

    /// One element a line, so that a change shows as a changed line.
    pub(in crate::http) fn lines(template: &impl Template) -> String {
        let text = template.render().unwrap();
        roxmltree::Document::parse(&text).unwrap();
        text.replace("><", ">\n<")
    }

    #[test]
    fn everything_found_is_in_the_order_of_the_schema() {
        let answer = FoundAll {
            page: page(),
            circle_ticket: circles().ticket,
        };
        insta::assert_snapshot!(lines(&answer));
    }

    #[test]
    fn a_page_has_its_circles() {
        let answer = FoundPage {
            page: page(),
            circles: Some(circles()),
        };
        insta::assert_snapshot!(lines(&answer));
    }

    #[test]
    fn an_empty_page_has_no_empty_lists_of_groups_or_circles() {
        let mut page = page();
        page.groups.clear();
        page.contacts.clear();
        let none = CirclesView {
            circles: Vec::new(),
            ..circles()
        };
        let answer = FoundPage {
            page,
            circles: Some(none),
        };
        insta::assert_snapshot!(lines(&answer));
    }

    #[test]
    fn contacts_that_were_asked_for_come_without_groups() {
        insta::assert_snapshot!(lines(&FoundContacts { page: page() }));
    }

    #[test]
    fn one_contact_stands_in_the_result_itself() {
        let answer = OneContact {
            operation: "CreateContact",
            contact: bare(),
        };
        insta::assert_snapshot!(lines(&answer));
    }

    #[test]
    fn short_answers_name_their_operation() {
        let made = Made {
            operation: "ABContactAdd",
            id: guid(1),
        };
        let done = Done {
            operation: "ABGroupUpdate",
        };
        let added = AbAdded { id: Guid::NIL };
        insta::assert_snapshot!([lines(&made), lines(&done), lines(&added)].join("\n"));
    }
}
