//! t
use super::*;
use crate::report::*;
use mail_parser::*;

fn read(raw: &[u8]) -> Report {
    let mut raw = raw.to_vec();
    if !raw.contains(&b'\n') {
        raw.iter_mut().for_each(|b| {
            if *b == b'\r' {
                *b = b'\n'
            }
        });
    }
    let none = MessageParser::default().parse(&b"a: b\n\n"[..]).unwrap();
    let m = MessageParser::default().parse(&raw).unwrap_or(none);
    let addrs = |a: Option<&mail_parser::Address<'_>>| {
        a.map(|a| {
            a.iter()
                .map(|a| crate::report::Address {
                    name: a.name().map(|s| s.to_owned()),
                    address: a.address().unwrap_or("").to_owned(),
                })
                .collect::<Vec<_>>()
        })
        .unwrap_or_default()
    };
    let headers: Vec<(String, String)> =
        m.headers_raw().map(|(n, v)| (n.to_owned(), v.replace(['\n', '\r'], " ").trim().to_owned())).collect();
    let rp = headers.iter().find(|h| h.0.eq_ignore_ascii_case("return-path")).map(|h| h.1.clone());
    let mut text = String::new();
    for i in 0..m.text_body_count() {
        text += &m.body_text(i).unwrap_or_default();
        text += "\n";
    }
    let s = crate::message::quote::split(&text);
    Report {
        message_id: None,
        references: vec![],
        date: None,
        from: addrs(m.from()),
        reply_to: addrs(m.reply_to()),
        to: addrs(m.to()),
        cc: vec![],
        return_path: match rp.as_deref() {
            None => ReturnPath::Absent,
            Some(v) if v.replace(' ', "") == "<>" => ReturnPath::Null,
            Some(v) => ReturnPath::Address(v.trim_matches(['<', '>', ' ']).to_owned()),
        },
        delivered_to: vec![],
        headers,
        fields: Fields {
            subject: m.subject().unwrap_or("").to_owned(),
            body: if s.new.trim().is_empty() { s.quoted.clone() } else { s.new + "\n" + &s.signature },
            forwarded: s.forwarded,
            quoted: s.quoted,
            ..Default::default()
        },
        attachments: m
            .attachments()
            .map(|a| Attachment {
                name: None,
                media_type: a
                    .content_type()
                    .map(|c| format!("{}/{}", c.ctype(), c.subtype().unwrap_or("")).to_lowercase())
                    .unwrap_or_default(),
                size: 0,
                sha256: String::new(),
            })
            .collect(),
        language: None,
        automated: None,
        damage: vec![],
        junk: false,
        received: crate::clock::from_millis(0),
        size: 0,
    }
}

#[test]
fn zz_measure() {
    for set in ["never-ack", "ordinary-mail", "odd-mail"] {
        let mut n: std::collections::BTreeMap<String, u32> = Default::default();
        let mut paths: Vec<_> =
            std::fs::read_dir(format!("/work/shared/data/{set}")).unwrap().map(|e| e.unwrap().path()).collect();
        paths.sort();
        for p in paths {
            if !p.is_file() {
                continue;
            }
            let r = read(&std::fs::read(&p).unwrap());
            let d = detect(&r);
            let why = d.map_or("NONE".to_owned(), |d| d.reason);
            if (set == "never-ack") == (why == "NONE") || why.contains("text") {
                eprintln!(
                    "## {set} {} {why} | {:?} | {} | {:?}",
                    p.file_name().unwrap().display(),
                    r.from.first().map(|a| &a.address),
                    r.fields.subject,
                    r.fields.body.chars().take(260).collect::<String>()
                );
            }
            *n.entry(why).or_default() += 1;
        }
        eprintln!("TOTAL {set} {n:?}");
    }
}
