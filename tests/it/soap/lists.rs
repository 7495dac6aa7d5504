//! Who may see and call whom.

use super::*;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_come_onto_lists_and_leave_them_as_often_as_they_are_told() {
    let server = start(&["alice", "bob"], &[]).await;
    let alice = web(&server, "alice").await;
    let bob = "bob@example.com";
    for (operation, role, on_allow, on_block) in [
        ("AddMember", "Allow", true, false),
        ("AddMember", "Block", false, true),
        ("DeleteMember", "Block", false, false),
        ("AddMember", "Block", false, true),
        ("AddMember", "Allow", true, false),
        ("DeleteMember", "Allow", false, false),
    ] {
        for _ in 0..2 {
            ok(alice
                .sharing(operation, &member(role, "BOB@example.com"))
                .await);
            let lists = lists(&alice).await;
            assert_eq!(is_on(&lists, "Allow", bob), on_allow, "{operation} {role}");
            assert_eq!(is_on(&lists, "Block", bob), on_block, "{operation} {role}");
        }
    }
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_is_answered_by_allowing_or_by_taking_them_off() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let alice = web(&server, "alice").await;
    for name in ["bob", "carol"] {
        add(&web(&server, name).await, "alice@example.com").await;
    }
    let before = lists(&alice).await;
    assert_eq!(members(&before, "Pending").len(), 2, "{before:?}");
    // Members are numbered for clients that delete by number, which has to fit 32 bits.
    let id = before.of(
        "Member",
        "PassportName",
        "carol@example.com",
        "MembershipId",
    );
    assert!(id.unwrap().parse::<i32>().is_ok_and(|id| id > 0));
    let pending = pending_id(&before, "carol@example.com");
    ok(alice
        .sharing("AddMember", &member("Allow", "bob@example.com"))
        .await);
    let by_id = membership(
        "Pending",
        &format!("<MembershipId>{pending}</MembershipId>"),
    );
    ok(alice.sharing("DeleteMember", &by_id).await);
    let after = lists(&alice).await;
    assert!(members(&after, "Pending").is_empty(), "{after:?}");
    for address in ["bob@example.com", "carol@example.com"] {
        assert!(is_on(&after, "Reverse", address), "{after:?}");
    }
    assert!(server.stop().await);
}

/// The number of somebody's membership on the pending list.
fn pending_id(lists: &Answer, address: &str) -> String {
    let list = lists.body.split("<MemberRole>Pending</MemberRole>").nth(1);
    let member = list
        .unwrap()
        .split("<Member ")
        .find(|member| member.contains(address))
        .unwrap();
    let (_, rest) = member.split_once("<MembershipId>").unwrap();
    rest.split('<').next().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_number_of_anothers_list_changes_nothing() {
    let server = start(&["alice", "bob", "carol"], &[]).await;
    let (alice, bob) = (web(&server, "alice").await, web(&server, "bob").await);
    ok(bob
        .sharing("AddMember", &member("Allow", "carol@example.com"))
        .await);
    let his = lists(&bob).await;
    let id = his.of(
        "Member",
        "PassportName",
        "carol@example.com",
        "MembershipId",
    );
    let by_id = membership(
        "Allow",
        &format!("<MembershipId>{}</MembershipId>", id.unwrap()),
    );
    ok(alice.sharing("DeleteMember", &by_id).await);
    assert!(is_on(&lists(&bob).await, "Allow", "carol@example.com"));
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn members_that_cannot_be_are_refused_and_other_roles_are_passed_over() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    for (address, code) in [
        ("nobody@example.com", "InvalidPassportUser"),
        ("nobody", "BadEmailArgument"),
    ] {
        let answer = alice.sharing("AddMember", &member("Allow", address)).await;
        refused(&answer, code);
    }
    let roaming = membership("ProfileExpression", "<Id>Allow</Id>");
    ok(alice.sharing("AddMember", &roaming).await);
    ok(alice.sharing("UpdateMember", &roaming).await);
    assert!(server.stop().await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_services_that_exist_are_told_of() {
    let server = start(&["alice"], &[]).await;
    let alice = web(&server, "alice").await;
    for (types, count) in [
        ("<ServiceType>Space</ServiceType>", 0),
        (
            "<ServiceType>Space</ServiceType><ServiceType>Messenger</ServiceType>",
            1,
        ),
    ] {
        let request = format!("<serviceFilter><Types>{types}</Types></serviceFilter>");
        let answer = ok(alice.sharing("FindMembership", &request).await);
        assert_eq!(answer.count("Service"), count, "{types}");
        assert_eq!(answer.count("OwnerNamespace"), 1);
    }
    assert!(server.stop().await);
}
