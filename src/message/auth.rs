//! What our own servers found out about a mail's sender: a reader of Authentication-Results (RFC 8601).
//!
//! Anybody can write such a header into a mail. So only the topmost one that bears an authserv-id of ours is read: ours is
//! added last and stands above whatever came with the mail. All others are as if they were not there.

use crate::report::{AuthResult, Authentication, Report};

/// Reads the topmost Authentication-Results header whose authserv-id is in `authserv_ids` (lower case). Never fails: what is
/// not in the form of RFC 8601 2.2 is no result. With no such header every method is `None`.
pub fn results(report: &Report, authserv_ids: &[String]) -> Authentication {
    let headers = report.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case("Authentication-Results"));
    let ours = headers.map(|(_, value)| statements(value)).find(|statements| {
        // The authserv-id may be followed by a version number.
        let id = statements.first().and_then(|first| first.first());
        id.is_some_and(|id| authserv_ids.contains(&id.to_lowercase()))
    });
    let from = report.from.first().and_then(|from| from.parts()).map(|(_, domain)| domain);
    let mut found = Authentication::default();
    for statement in ours.iter().flatten().skip(1) {
        note(&mut found, statement, from.as_deref());
    }
    found
}

/// Takes one `method=result property=value ...` into account.
fn note(found: &mut Authentication, statement: &[String], from: Option<&str>) {
    let Some((method, result)) = statement.first().and_then(|word| word.split_once('=')) else { return };
    let method = method.split('/').next().unwrap_or_default().to_lowercase();
    let result = match result.to_lowercase().as_str() {
        "pass" => AuthResult::Pass,
        "fail" => AuthResult::Fail,
        other => AuthResult::Other(other.to_owned()),
    };
    match method.as_str() {
        // Said twice, the worse counts: a failure must not be talked away.
        "dmarc" if found.dmarc != Some(AuthResult::Fail) => found.dmarc = Some(result),
        "spf" if found.spf != Some(AuthResult::Fail) => found.spf = Some(result),
        // A mail may bear several signatures; one good one of the sender's own domain is enough.
        "dkim" if found.dkim != Some(AuthResult::Pass) => found.dkim = Some(own_signature(result, statement, from)),
        _ => {}
    }
}

/// A signature of some other domain is valid, but says nothing about the From address.
fn own_signature(result: AuthResult, statement: &[String], from: Option<&str>) -> AuthResult {
    if result != AuthResult::Pass {
        return result;
    }
    let value = |key: &str| {
        statement
            .iter()
            .find_map(|word| word.split_once('=').filter(|(k, _)| k.eq_ignore_ascii_case(key)).map(|(_, v)| v.to_lowercase()))
    };
    let signer = value("header.d").or_else(|| value("header.i").map(|i| i.rsplit('@').next().unwrap_or_default().to_owned()));
    let own = match (signer, from) {
        (Some(signer), Some(from)) => {
            signer.contains('.') && (from == signer || from.strip_suffix(&signer).is_some_and(|sub| sub.ends_with('.')))
        }
        _ => false,
    };
    if own { AuthResult::Pass } else { AuthResult::Other("pass-of-another-domain".to_owned()) }
}

/// The header's statements, each as its words: comments are gone, quoted strings are one word, blanks around `=` are closed.
fn statements(value: &str) -> Vec<Vec<String>> {
    let mut all: Vec<Vec<String>> = vec![Vec::new()];
    let mut word = String::new();
    let (mut depth, mut quoted, mut chars) = (0_usize, false, value.chars());
    while let Some(c) = chars.next() {
        match c {
            '\\' if depth > 0 || quoted => {
                let escaped = chars.next();
                word.extend(escaped.filter(|_| depth == 0));
            }
            '"' if depth == 0 => quoted = !quoted,
            _ if quoted => word.push(c),
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ if depth > 0 => {}
            ';' => {
                finish(&mut all, &mut word);
                all.push(Vec::new());
            }
            c if c.is_whitespace() => finish(&mut all, &mut word),
            c => word.push(c),
        }
    }
    finish(&mut all, &mut word);
    all
}

/// Puts a finished word to the last statement; `a = b` and `a= b` are one word.
fn finish(all: &mut [Vec<String>], word: &mut String) {
    let Some(last) = all.last_mut().filter(|_| !word.is_empty()) else { return };
    match last.last_mut().filter(|before| before.ends_with('=') || word.starts_with('=')) {
        Some(before) => before.push_str(word),
        None => last.push(std::mem::take(word)),
    }
    word.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(from: &str, headers: &[&str]) -> Authentication {
        let mut raw = String::new();
        headers.iter().for_each(|value| raw.push_str(&format!("Authentication-Results: {value}\r\n")));
        raw.push_str(&format!("From: <{from}>\r\nSubject: x\r\n\r\nx\r\n"));
        let received = crate::clock::from_millis(0);
        let envelope = crate::report::Envelope { received, junk: false, extent: crate::report::Extent::Whole };
        results(&crate::message::read(raw.as_bytes(), &envelope), &["mx.example.net".to_owned(), "mx2.example.net".to_owned()])
    }

    #[test]
    fn only_the_topmost_header_of_ours_is_believed() {
        let found = read(
            "a@example.org",
            &[
                "mx.elsewhere.example; dmarc=fail",
                "mx.example.net; dmarc=pass; spf=softfail",
                "mx.example.net; dmarc=fail; dkim=pass header.d=example.org",
            ],
        );
        assert_eq!(found.dmarc, Some(AuthResult::Pass));
        assert_eq!(found.spf, Some(AuthResult::Other("softfail".to_owned())));
        assert_eq!(found.dkim, None, "the forged one below must not add to ours");
        assert_eq!(read("a@example.org", &["evil.example; dmarc=pass"]), Authentication::default());
        assert_eq!(read("a@example.org", &[]), Authentication::default());
    }

    #[test]
    fn comments_folding_quotes_versions_and_case_are_read() {
        let folded = "MX.Example.NET 1\r\n\t(our (nested \\) one) server);\r\n dmarc/1 = FAIL (p=reject; dmarc=pass) header.from=example.org;\r\n spf=pass reason=\"a; dmarc=pass\"";
        let found = read("a@example.org", &[folded]);
        assert_eq!(found.dmarc, Some(AuthResult::Fail));
        assert_eq!(found.spf, Some(AuthResult::Pass));
        let quoted = read("a@example.org", &["\"mx2.example.net\"; dmarc=none"]);
        assert_eq!(quoted.dmarc, Some(AuthResult::Other("none".to_owned())));
        assert_eq!(read("a@example.org", &["mx.example.net; none"]), Authentication::default());
    }

    #[test]
    fn a_signature_of_another_domain_proves_nothing() {
        let own = |d: &str| read("a@mail.example.org", &[&format!("mx.example.net; dkim=pass {d}")]).proven();
        assert!(own("header.d=example.org") && own("header.i=@mail.example.org"));
        assert!(!own("header.d=bulk.example") && !own("header.d=org") && !own("") && !own("header.d=ple.org"));
        let both = read("a@example.org", &["mx.example.net; dkim=fail header.d=bulk.example; dkim=pass header.d=example.org"]);
        assert_eq!(both.dkim, Some(AuthResult::Pass));
    }

    #[test]
    fn a_failure_is_not_talked_away_and_hostile_headers_do_no_harm() {
        assert_eq!(read("a@example.org", &["mx.example.net; dmarc=fail; dmarc=pass"]).dmarc, Some(AuthResult::Fail));
        for hostile in ["(((((", "\"", ";;;;=;=;", "mx.example.net; dmarc", "mx.example.net; =; dmarc=", "\\"] {
            assert_eq!(
                read("a@example.org", &[hostile]).dmarc.filter(|r| *r != AuthResult::Other(String::new())),
                None,
                "{hostile}"
            );
        }
        let long = format!("mx.example.net; {}dmarc=pass", "(".repeat(200_000));
        assert_eq!(read("a@example.org", &[&long]).dmarc, None);
    }
}
