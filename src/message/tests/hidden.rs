//! Ways to keep words from the rules, each of which must fail: what a person reads, or may read, is judged.

use super::{odd, report};

#[test]
fn a_quote_in_a_mail_that_answers_nothing_is_judged() {
    let threat = "I will burn the library down on Friday.";
    let attribution = "On Mon, May 3, 2027 at 10:00 AM Some One <a@example.org> wrote:";
    let block = format!("{}\n\nFrom: a\nSent: b\nTo: c\nSubject: d", "A long note that goes on and on. ".repeat(50));
    for text in [
        format!("My friend sent me this tonight:\n\n> {threat}\n"),
        format!("Please look.\n\n{attribution}\n> {threat}\n"),
        format!("Please look.\n\n{attribution}\n{threat}\n"),
        format!("{block}\n\n{threat}\n"),
    ] {
        let fresh = report(format!("From: a@example.org\nSubject: look\n\n{text}"));
        assert!(fresh.fields.forwarded.contains(threat) && fresh.fields.quoted.is_empty(), "{:?}", fresh.fields);
        let forward = report(format!("From: a@example.org\nSubject: WG: look\nIn-Reply-To: <1@example.org>\n\n{text}"));
        assert!(forward.fields.forwarded.contains(threat), "{:?}", forward.fields);
    }
}

#[test]
fn in_a_reply_only_an_announced_quote_is_older_thread_text() {
    let threat = "I will burn the library down on Friday.";
    let reply = |text: &str| report(format!("From: a@example.org\nSubject: Re: x\nReferences: <1@example.org>\n\n{text}")).fields;
    let shown = reply(&format!("He sent me this:\n\n> {threat}\n\nOn 3 May 2027, b@example.org wrote:\n> old words\n"));
    assert!(shown.forwarded.contains(threat) && shown.quoted.contains("old words"), "{shown:?}");
    let old = reply(&format!("Thank you.\n\nOn 3 May 2027, b@example.org wrote:\n> {threat}\n"));
    assert!(old.quoted.contains(threat) && old.forwarded.is_empty(), "{old:?}");
}

#[test]
fn every_subject_is_judged() {
    let subject = report("From: a@example.org\nSubject: hello\nSubject: he is armed\nSubject: hello\n\nx").fields.subject;
    assert_eq!(subject, "hello / he is armed");
}

#[test]
fn a_stray_byte_or_a_comment_does_not_hide_a_base64_text() {
    for (encoding, coded) in
        [("base64", "SGUgaXM!gYXJtZWQu"), ("(x) base64", "SGUgaXMgYXJtZWQu"), ("base64", "SGUgaXMg\nYXJt*ZWQu")]
    {
        let mail = format!(
            "From: a@example.org\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: {encoding}\n\n{coded}\n"
        );
        let body = report(mail).fields.body;
        assert!(body.contains("He is armed."), "{encoding}: {body:?}");
    }
}

#[test]
fn a_card_and_a_uuencoded_text_are_read() {
    let card = "BEGIN:VCALENDAR\nDESCRIPTION:He is ar\n med\\nand on his way\nEND:VCALENDAR\n";
    let calendar = report(format!("From: a@example.org\nContent-Type: text/calendar\n\n{card}")).fields.attachment;
    assert!(calendar.contains("He is armed\nand on his way"), "{calendar:?}");
    assert_eq!(odd("uuencoded-file.eml").fields.attachment, "Cat");
}

#[test]
fn text_around_the_parts_and_soft_breaks_is_judged() {
    let mail = |around: &str| {
        report(format!(
            "From: a@example.org\nContent-Type: multipart/mixed; boundary=b\n\n{around}\n--b\n\nshown\n--b--\n{around} below\n"
        ))
        .fields
    };
    let fields = mail("He is armed.");
    assert_eq!((fields.body.as_str(), fields.attachment.as_str()), ("shown", "He is armed.\n\nHe is armed. below"));
    assert_eq!(mail("This is a multi-part message in MIME format.").attachment, "");
    let flowed = "From: a@example.org\nContent-Type: text/plain; format=flowed; delsp=yes\n\nHe is ar \nmed.\n";
    assert_eq!(report(flowed).fields.body, "He is armed.");
}

#[test]
fn padding_pushes_no_telling_header_out() {
    let mut raw = String::from("From: a@example.org\n");
    raw.extend((0..40).map(|n| format!("X-Pad-{n}: {}\n", "p".repeat(15_000))));
    raw.extend((0..1200).map(|n| format!("X-Short-{n}: p\n")));
    raw.push_str("Auto-Submitted: auto-replied\nList-Id: <x.example.org>\n\ntext\n");
    let headers = report(raw).headers;
    for name in ["Auto-Submitted", "List-Id"] {
        assert!(headers.iter().any(|(known, _)| known == name), "{name}");
    }
    assert!(headers.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() <= 512 * 1024);
}
