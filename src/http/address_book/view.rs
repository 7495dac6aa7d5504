//! What the answers of the address book say, ready for the templates.
//!
//! The order of the elements is that of the service's own description, because the official
//! clients read by it (`docs/protocol/12 §4.3`); it stands in the templates and nowhere else.

use askama::Template;

use super::text::Text;
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
    pub(in crate::http) name: Text,
    pub(in crate::http) value: Text,
}

/// An address by which a contact has mail.
#[derive(Debug)]
pub(in crate::http) struct EmailView {
    pub(in crate::http) kind: &'static str,
    pub(in crate::http) address: Text,
    pub(in crate::http) is_messenger_enabled: bool,
    pub(in crate::http) capability: u32,
}

/// A phone number.
#[derive(Debug)]
pub(in crate::http) struct PhoneView {
    pub(in crate::http) kind: Text,
    pub(in crate::http) number: Text,
    pub(in crate::http) is_messenger_enabled: bool,
}

/// A postal address: the parts that are known, with the names of their elements.
#[derive(Debug)]
pub(in crate::http) struct LocationView {
    pub(in crate::http) kind: Text,
    pub(in crate::http) parts: Vec<(&'static str, Text)>,
}

/// A page on the web.
#[derive(Debug)]
pub(in crate::http) struct WebSiteView {
    pub(in crate::http) kind: &'static str,
    pub(in crate::http) url: Text,
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
    pub(in crate::http) message: Text,
    pub(in crate::http) cid: i64,
    pub(in crate::http) name: Text,
    pub(in crate::http) address: Text,
}

/// Somebody in the book, its owner included.
#[derive(Debug)]
pub(in crate::http) struct ContactView {
    pub(in crate::http) id: Guid,
    pub(in crate::http) kind: &'static str,
    pub(in crate::http) address: Text,
    pub(in crate::http) cid: i64,
    pub(in crate::http) quick_name: Text,
    pub(in crate::http) display_name: Text,
    /// Parts of the name, with the names of their elements, in their order.
    pub(in crate::http) names: Vec<(&'static str, Text)>,
    pub(in crate::http) comment: Text,
    pub(in crate::http) emails: Vec<EmailView>,
    pub(in crate::http) phones: Vec<PhoneView>,
    pub(in crate::http) locations: Vec<LocationView>,
    pub(in crate::http) web_sites: Vec<WebSiteView>,
    pub(in crate::http) annotations: Vec<AnnotationView>,
    pub(in crate::http) groups: Vec<Guid>,
    pub(in crate::http) may_page: bool,
    pub(in crate::http) is_messenger_user: bool,
    pub(in crate::http) is_favorite: bool,
    pub(in crate::http) birthdate: Text,
    pub(in crate::http) anniversary: Text,
    pub(in crate::http) primary_email: Text,
    pub(in crate::http) primary_phone: Text,
    pub(in crate::http) networks: Vec<NetworkView>,
    pub(in crate::http) is_hidden: bool,
    pub(in crate::http) changed: String,
    pub(in crate::http) created: String,
}

/// A group of contacts.
#[derive(Debug)]
pub(in crate::http) struct GroupView {
    pub(in crate::http) id: Guid,
    pub(in crate::http) name: Text,
    pub(in crate::http) is_favorite: bool,
    pub(in crate::http) annotations: Vec<AnnotationView>,
    pub(in crate::http) changed: String,
}

/// The book itself: a person's own, or a circle's.
#[derive(Debug)]
pub(in crate::http) struct AbView {
    pub(in crate::http) id: Guid,
    pub(in crate::http) owner_cid: i64,
    pub(in crate::http) owner_address: Text,
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
    pub(in crate::http) name: Text,
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
    pub(in crate::http) ticket: Text,
}

/// Answer to `ABFindAll`.
#[derive(Debug, Template)]
#[template(path = "address_book/find_all.xml", escape = "xml")]
pub(in crate::http) struct FoundAll {
    pub(in crate::http) page: Page,
    pub(in crate::http) circle_ticket: Text,
}

/// Answer to `ABFindContactsPaged`. A circle's own book has no circles in it.
#[derive(Debug, Template)]
#[template(path = "address_book/find_contacts_paged.xml", escape = "xml")]
pub(in crate::http) struct FoundPage {
    pub(in crate::http) page: Page,
    pub(in crate::http) circles: Option<CirclesView>,
}

/// Answer to `ABFindByContacts`.
#[derive(Debug, Template)]
#[template(path = "address_book/find_by_contacts.xml", escape = "xml")]
pub(in crate::http) struct FoundContacts {
    pub(in crate::http) page: Page,
}

/// Answer that carries one contact.
#[derive(Debug, Template)]
#[template(path = "address_book/one_contact.xml", escape = "xml")]
pub(in crate::http) struct OneContact {
    pub(in crate::http) operation: &'static str,
    pub(in crate::http) contact: ContactView,
}

/// Answer that carries the identity of what was made.
#[derive(Debug, Template)]
#[template(path = "address_book/guid.xml", escape = "xml")]
pub(in crate::http) struct Made {
    pub(in crate::http) operation: &'static str,
    pub(in crate::http) id: Guid,
}

/// Answer to `ABAdd`.
#[derive(Debug, Template)]
#[template(path = "address_book/ab_add.xml", escape = "xml")]
pub(in crate::http) struct AbAdded {
    pub(in crate::http) id: Guid,
}

/// Answer that says no more than that it was done.
#[derive(Debug, Template)]
#[template(path = "address_book/done.xml", escape = "xml")]
pub(in crate::http) struct Done {
    pub(in crate::http) operation: &'static str,
}

#[cfg(test)]
pub(in crate::http) mod tests {
    use super::*;
    use crate::http::address_book::stamp::{NEVER, stamp};

    fn guid(last: u8) -> Guid {
        Guid::parse(&format!("5b1f2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c{last:02x}")).unwrap()
    }

    fn annotation(name: &str, value: &str) -> AnnotationView {
        AnnotationView {
            name: Text::plain(name),
            value: Text::plain(value),
        }
    }

    /// Somebody of whom nothing is known but the address.
    pub(in crate::http) fn bare() -> ContactView {
        ContactView {
            id: guid(1),
            kind: "Regular",
            address: Text::plain("bob@example.net"),
            cid: -8_690_466_096_927_522_256,
            quick_name: Text::plain("Bob"),
            display_name: Text::plain("Bob <3 & \"friends\""),
            names: Vec::new(),
            comment: Text::default(),
            emails: Vec::new(),
            phones: Vec::new(),
            locations: Vec::new(),
            web_sites: Vec::new(),
            annotations: Vec::new(),
            groups: Vec::new(),
            may_page: false,
            is_messenger_user: true,
            is_favorite: false,
            birthdate: Text::plain(NEVER),
            anniversary: Text::default(),
            primary_email: Text::plain("ContactEmailPersonal"),
            primary_phone: Text::plain("ContactPhonePersonal"),
            networks: Vec::new(),
            is_hidden: false,
            changed: stamp(1_262_401_445_678),
            created: stamp(1_262_304_000_000),
        }
    }

    /// Somebody of whom everything is known.
    fn full() -> ContactView {
        ContactView {
            id: guid(2),
            kind: "LivePending",
            names: vec![
                ("firstName", Text::plain("Carol")),
                ("MiddleName", Text::plain("C.")),
                ("lastName", Text::plain("Cäsar")),
            ],
            comment: Text::plain("met at work"),
            emails: vec![EmailView {
                kind: "Messenger2",
                address: Text::plain("carol@example.org"),
                is_messenger_enabled: true,
                capability: 32,
            }],
            phones: vec![PhoneView {
                kind: Text::plain("ContactPhoneMobile"),
                number: Text::plain("+1 555 0100"),
                is_messenger_enabled: true,
            }],
            locations: vec![LocationView {
                kind: Text::plain("ContactLocationPersonal"),
                parts: vec![
                    ("street", Text::plain("1 <Main> Street")),
                    ("city", Text::plain("Example")),
                ],
            }],
            web_sites: vec![WebSiteView {
                kind: "ContactWebSitePersonal",
                url: Text::plain("http://example.org/?a=1&b=2"),
            }],
            annotations: vec![annotation("AB.NickName", "Caro"), annotation("X", "")],
            groups: vec![guid(10), guid(11)],
            may_page: true,
            is_favorite: true,
            birthdate: Text::plain("1980-01-02T00:00:00"),
            anniversary: Text::plain("2000/05/06"),
            networks: vec![
                NetworkView {
                    domain_tag: String::new(),
                    kind: 3,
                    state: 1,
                    state_date: stamp(1_262_401_445_678),
                    role: 0,
                    inviter: Some(InviterView {
                        message: Text::plain("hi"),
                        cid: 844_424_930_131_969,
                        name: Text::plain("Carol"),
                        address: Text::plain("carol@example.org"),
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
            is_hidden: true,
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
                    name: Text::plain("Friends & family"),
                    is_favorite: true,
                    annotations: vec![annotation("MSN.IM.Display", "1")],
                    changed: stamp(1_262_401_445_678),
                }),
                Entry::Kept(GroupView {
                    id: guid(11),
                    name: Text::plain("Work"),
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
                owner_address: Text::plain("alice@example.com"),
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
                name: Text::plain("Hiking"),
                membership_access: 0,
                request_membership_option: 2,
                role: "Admin",
                state: "Accepted",
                is_deleted: false,
                changed: stamp(1_262_401_445_678),
                created: stamp(1_262_304_000_000),
            }],
            ticket: Text::plain("<?xml version=\"1.0\"?><SignedTicket/>"),
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
