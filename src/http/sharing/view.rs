//! What the answers of the sharing service say, ready for the templates.

use askama::Template;

use crate::http::address_book::view::AnnotationView;
use crate::model::Guid;

/// How a member is known.
#[derive(Debug)]
pub(in crate::http) enum WhoView {
    Passport { address: String, cid: i64 },
    Email(String),
    Phone(String),
    Circle(Guid),
}

impl WhoView {
    /// The member's type; that of its element has `Member` behind it.
    pub(in crate::http) fn kind(&self) -> &'static str {
        match self {
            Self::Passport { .. } => "Passport",
            Self::Email(_) => "Email",
            Self::Phone(_) => "Phone",
            Self::Circle(_) => "Circle",
        }
    }
}

/// Somebody on one of the lists.
#[derive(Debug)]
pub(in crate::http) struct MemberView {
    /// An integer that a signed 32-bit number holds (`docs/protocol/25 §23`); none of a circle.
    pub(in crate::http) id: Option<i64>,
    pub(in crate::http) who: WhoView,
    pub(in crate::http) display_name: String,
    pub(in crate::http) annotations: Vec<AnnotationView>,
    /// Whether this is news of somebody who left the list.
    pub(in crate::http) is_deleted: bool,
    pub(in crate::http) changed: String,
    pub(in crate::http) joined: String,
}

/// A list.
#[derive(Debug)]
pub(in crate::http) struct MembershipView {
    pub(in crate::http) role: &'static str,
    pub(in crate::http) members: Vec<MemberView>,
}

/// The lists of the messenger.
#[derive(Debug)]
pub(in crate::http) struct ServiceView {
    pub(in crate::http) memberships: Vec<MembershipView>,
    /// False where only changes are told.
    pub(in crate::http) is_complete: bool,
    pub(in crate::http) changed: String,
}

/// Whose lists these are.
#[derive(Debug)]
pub(in crate::http) struct OwnerView {
    pub(in crate::http) address: String,
    pub(in crate::http) cid: i64,
    pub(in crate::http) created: String,
    pub(in crate::http) changed: String,
}

/// Answer to `FindMembership`. Without the service where the client asked for others only.
#[derive(Debug, Template)]
#[template(path = "sharing/find_membership.xml")]
pub(in crate::http) struct FoundMembership {
    pub(in crate::http) service: Option<ServiceView>,
    pub(in crate::http) owner: OwnerView,
}

/// Answer to `AddService`.
#[derive(Debug, Template)]
#[template(path = "sharing/add_service.xml")]
pub(in crate::http) struct ServiceAdded {
    pub(in crate::http) id: u32,
}

/// Answer to `CreateCircle`.
#[derive(Debug, Template)]
#[template(path = "sharing/create_circle.xml")]
pub(in crate::http) struct CircleCreated {
    pub(in crate::http) id: Guid,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::address_book::stamp;
    use crate::http::address_book::view::tests::lines;

    fn answer(service: Option<ServiceView>) -> FoundMembership {
        FoundMembership {
            service,
            owner: OwnerView {
                address: "alice@example.com".to_owned(),
                cid: 844_424_930_131_969,
                created: stamp(1_262_304_000_000),
                changed: stamp(1_262_401_445_679),
            },
        }
    }

    fn member(id: i64) -> MemberView {
        MemberView {
            id: Some(id),
            who: WhoView::Passport {
                address: "bob@example.net".to_owned(),
                cid: 844_424_930_131_970,
            },
            display_name: String::new(),
            annotations: Vec::new(),
            is_deleted: false,
            changed: stamp(1_262_401_445_678),
            joined: stamp(1_262_304_000_000),
        }
    }

    #[test]
    fn members_are_in_the_order_of_the_schema() {
        let service = ServiceView {
            memberships: vec![
                MembershipView {
                    role: "Allow",
                    members: vec![
                        member(17),
                        MemberView {
                            is_deleted: true,
                            ..member(25)
                        },
                    ],
                },
                MembershipView {
                    role: "Block",
                    members: vec![
                        MemberView {
                            who: WhoView::Email("erin@example.org".to_owned()),
                            annotations: vec![AnnotationView {
                                name: "MSN.IM.BuddyType".to_owned(),
                                value: "32:".to_owned(),
                            }],
                            ..member(24)
                        },
                        MemberView {
                            who: WhoView::Phone("+15550100".to_owned()),
                            ..member(32)
                        },
                        MemberView {
                            id: None,
                            who: WhoView::Circle(
                                Guid::parse("00000000-0000-0000-0009-73944a8f7947").unwrap(),
                            ),
                            ..member(40)
                        },
                    ],
                },
                MembershipView {
                    role: "Reverse",
                    members: Vec::new(),
                },
                MembershipView {
                    role: "Pending",
                    members: vec![MemberView {
                        display_name: "Bob & Co".to_owned(),
                        annotations: vec![AnnotationView {
                            name: "MSN.IM.InviteMessage".to_owned(),
                            value: "hello <you>".to_owned(),
                        }],
                        ..member(20)
                    }],
                },
            ],
            is_complete: true,
            changed: stamp(1_262_401_445_679),
        };
        insta::assert_snapshot!(lines(&answer(Some(service))));
    }

    #[test]
    fn services_that_do_not_exist_are_not_invented() {
        insta::assert_snapshot!(lines(&answer(None)));
    }

    #[test]
    fn a_new_service_has_a_number() {
        insta::assert_snapshot!(lines(&ServiceAdded { id: 1 }));
    }
}
