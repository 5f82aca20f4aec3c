//! When a word is a mail address, and when two addresses are the same mailbox.

/// True for `local@domain` as we are ready to write it into an envelope: ASCII, no quotes, no comments, no
/// white space, one `@` (a narrower form than RFC 5321 4.1.2 allows: what an operator configures has it).
pub fn is_address(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let in_local = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c);
    !local.is_empty() && local.len() <= 64 && local.chars().all(in_local) && is_domain(domain)
}

/// True for a host or domain name in ASCII: labels of letters, digits and hyphens (RFC 1123 2.1).
pub fn is_domain(text: &str) -> bool {
    let label = |l: &str| {
        let inner = l.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        !l.is_empty() && l.len() <= 63 && inner && !l.starts_with('-') && !l.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// The mailbox behind an address: lower case, without a plus detail (`CA+x@example.org` is `ca@example.org`, RFC 5233).
/// Words that are no address come back in lower case.
pub fn base(address: &str) -> String {
    let lower = address.trim().to_lowercase();
    match lower.rsplit_once('@') {
        Some((local, domain)) => match local.split_once('+') {
            Some((base, _)) if !base.is_empty() => format!("{base}@{domain}"),
            _ => lower,
        },
        None => lower,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_an_address_and_what_is_none() {
        for good in ["ca@example.org", "a.b+c@localhost", "o'neil@xn--bcher-kva.example"] {
            assert!(is_address(good), "{good}");
        }
        for bad in [
            "",
            "ca",
            "@example.org",
            "ca@",
            "a@b@c",
            "a b@example.org",
            "ca@ex ample",
            "ca@example..org",
            "<ca@x>",
            "ü@x.org",
            "a\r\n@x",
        ] {
            assert!(!is_address(bad), "{bad}");
        }
    }

    #[test]
    fn a_plus_detail_and_capitals_are_not_part_of_the_mailbox() {
        assert_eq!(base("CA+Report@Example.org"), "ca@example.org");
        assert_eq!(base("+x@example.org"), "+x@example.org");
        assert_eq!(base("nonsense"), "nonsense");
    }
}
