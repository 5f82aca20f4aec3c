//! Our Message-IDs, which prove themselves: a mail that refers to one was really answered to something we wrote
//! (FIELD.md "Follow-ups"). Guessing a case's reference is then of no use to a stranger.

use ring::hmac;

use crate::case::Reference;
use crate::outbox::Kind;

/// Characters of the token: 16 of 5 bits each, 80 bits.
const LENGTH: usize = 16;

/// Crockford base32, as in references.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// The Message-ID, without angle brackets, of the mail number `seq` of this kind in this case:
/// `TS-XXXXXXXX.kind.seq.token@domain`. The same arguments give the same id, so that a mail sent again carries the
/// id of the first attempt and a mail reader shows one (RFC 5322 3.6.4).
pub fn message_id(key: &[u8; 32], domain: &str, reference: &Reference, kind: Kind, seq: u64) -> String {
    let body = format!("{reference}.{}.{seq}", kind.word());
    let token = token(&hmac::Key::new(hmac::HMAC_SHA256, key), domain, &body);
    format!("{body}.{token}@{domain}")
}

/// The case of a Message-ID of ours (without angle brackets) and what kind of mail it was, or `None` if we did not make it.
/// Takes the same time for every wrong token.
pub fn verify(key: &[u8; 32], domain: &str, message_id: &str) -> Option<(Reference, Kind)> {
    let (left, right) = message_id.rsplit_once('@')?;
    let (body, given) = left.rsplit_once('.')?;
    let mut words = body.split('.');
    let (reference, kind) = (Reference::parse(words.next()?)?, Kind::from_word(words.next()?)?);
    // The tag of what was given against the tag of what it should be: ring compares whole tags in constant time.
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let expected = hmac::sign(&key, format!("{}@{domain}", token(&key, domain, body)).as_bytes());
    hmac::verify(&key, format!("{given}@{right}").as_bytes(), expected.as_ref()).ok()?;
    Some((reference, kind))
}

/// An address of ours with a detail that proves itself: `ca+ts-xxxxxxxx.token@example.org` (RFC 5233). What is mailed there
/// belongs to the case. `None` for an address whose local part would grow over 64 characters (RFC 5321 4.5.3.1.1).
pub fn plus_address(key: &[u8; 32], address: &str, reference: &Reference) -> Option<String> {
    let (local, domain) = address.rsplit_once('@')?;
    let local = format!("{local}+{}", detail(key, reference));
    (local.len() <= 64).then(|| format!("{local}@{domain}"))
}

/// The case of an address with such a detail, in any case of letters; `None` if we did not make it.
pub fn of_plus_address(key: &[u8; 32], address: &str) -> Option<Reference> {
    let (_, given) = address.rsplit_once('@')?.0.split_once('+')?;
    let reference = Reference::parse(given.split_once('.')?.0)?;
    // Tags of both, so that the comparison takes the same time for every wrong detail.
    let mac = hmac::Key::new(hmac::HMAC_SHA256, key);
    let expected = hmac::sign(&mac, detail(key, &reference).as_bytes());
    hmac::verify(&mac, given.to_ascii_lowercase().as_bytes(), expected.as_ref()).ok()?;
    Some(reference)
}

/// What stands at the end of a link by which `who` acknowledges an alert that fired at `fired` (milliseconds): it works for nobody
/// else and for no later firing.
pub fn link(key: &[u8; 32], reference: &str, fired: i64, who: &str) -> String {
    let who: String = who.bytes().map(|byte| format!("{byte:02x}")).collect();
    let body = format!("{reference}.{fired}.{who}");
    format!("{body}.{}", token(&hmac::Key::new(hmac::HMAC_SHA256, key), "acknowledge", &body))
}

/// The reference, the moment it fired, and who, of such a link; `None` if we did not make it.
pub fn of_link(key: &[u8; 32], text: &str) -> Option<(String, i64, String)> {
    let (body, _) = text.rsplit_once('.')?;
    let mut words = body.split('.');
    let (reference, fired, who) = (words.next()?, words.next()?.parse().ok()?, words.next()?);
    let bytes: Option<Vec<u8>> = (0..who.len() / 2).map(|at| u8::from_str_radix(who.get(at * 2..at * 2 + 2)?, 16).ok()).collect();
    let who = String::from_utf8(bytes?).ok()?;
    let mac = hmac::Key::new(hmac::HMAC_SHA256, key);
    let expected = hmac::sign(&mac, link(key, reference, fired, &who).as_bytes());
    hmac::verify(&mac, text.as_bytes(), expected.as_ref()).ok()?;
    Some((reference.to_owned(), fired, who))
}

/// The Message-ID of canary number `id` (without angle brackets), and back: `canary.7.token@domain`.
pub fn canary(key: &[u8; 32], domain: &str, id: i64) -> String {
    let body = format!("canary.{id}");
    format!("{body}.{}@{domain}", token(&hmac::Key::new(hmac::HMAC_SHA256, key), domain, &body))
}

/// The number of a canary of ours; `None` if we did not make it.
pub fn of_canary(key: &[u8; 32], domain: &str, message_id: &str) -> Option<i64> {
    let id = message_id.strip_prefix("canary.")?.split('.').next()?.parse().ok()?;
    let mac = hmac::Key::new(hmac::HMAC_SHA256, key);
    let expected = hmac::sign(&mac, canary(key, domain, id).as_bytes());
    hmac::verify(&mac, message_id.as_bytes(), expected.as_ref()).ok()?;
    Some(id)
}

/// Small letters, since some programs make capitals small on the way.
fn detail(key: &[u8; 32], reference: &Reference) -> String {
    let token = token(&hmac::Key::new(hmac::HMAC_SHA256, key), "plus-address", reference.as_str());
    format!("{reference}.{token}").to_ascii_lowercase()
}

/// The beginning of HMAC-SHA256, as text. The first words keep this use of the key apart from any other.
fn token(key: &hmac::Key, domain: &str, body: &str) -> String {
    let tag = hmac::sign(key, format!("message-id\0{domain}\0{body}").as_bytes());
    let bits = tag.as_ref().iter().take(10).fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
    (0..LENGTH).rev().map(|i| ALPHABET[(bits >> (5 * i) & 31) as usize] as char).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: [u8; 32] = [7; 32];
    const DOMAIN: &str = "triaged.example.org";

    fn case() -> Reference {
        Reference::from_bits([1, 2, 3, 4, 5])
    }

    #[test]
    fn our_own_message_id_leads_back_to_its_case() {
        for kind in Kind::ALL {
            let id = message_id(&KEY, DOMAIN, &case(), kind, 42);
            assert_eq!(verify(&KEY, DOMAIN, &id), Some((case(), kind)), "{id}");
            assert_eq!(id, message_id(&KEY, DOMAIN, &case(), kind, 42), "a retry has the same id");
        }
    }

    #[test]
    fn another_key_domain_kind_or_number_gives_another_token() {
        let id = message_id(&KEY, DOMAIN, &case(), Kind::Acknowledgement, 1);
        assert_eq!(verify(&[8; 32], DOMAIN, &id), None);
        assert_eq!(verify(&KEY, "other.example.org", &id), None);
        assert_eq!(verify(&KEY, DOMAIN, &id.replace(".1.", ".2.")), None);
        assert_eq!(verify(&KEY, DOMAIN, &id.replace("acknowledgement", "alert")), None);
        for junk in ["", "@", ".@", "TS-00000000@", "TS-00000000.a.1.@triaged.example.org", "ä.ö@ü"] {
            assert_eq!(verify(&KEY, DOMAIN, junk), None);
        }
    }

    #[test]
    fn a_plus_address_leads_back_to_its_case_and_a_guessed_one_does_not() {
        let address = plus_address(&KEY, "ca@example.org", &case()).unwrap();
        assert!(address.starts_with("ca+ts-") && address.ends_with("@example.org"), "{address}");
        assert_eq!(of_plus_address(&KEY, &address), Some(case()));
        assert_eq!(of_plus_address(&KEY, &address.to_uppercase()), Some(case()));
        assert_eq!(of_plus_address(&[8; 32], &address), None);
        for wrong in ["ca@example.org", "ca+x@example.org", "ca+ts-00000000.0000000000000000@example.org", "ca+.@", "+@", ""] {
            assert_eq!(of_plus_address(&KEY, wrong), None, "{wrong}");
        }
        let other = plus_address(&KEY, "ca@example.org", &Reference::from_bits([9; 5])).unwrap();
        let mixed = address.replace(&address[3..14], &other[3..14]);
        assert_eq!(of_plus_address(&KEY, &mixed), None, "a token of one case opens no other");
        assert_eq!(plus_address(&KEY, &format!("{}@example.org", "x".repeat(40)), &case()), None);
    }

    #[test]
    fn a_link_works_for_its_person_and_its_firing_alone() {
        let made = link(&KEY, "TS-04HMASW9", 1_700_000_000_000, "amara@example.org");
        let (reference, fired, who) = of_link(&KEY, &made).unwrap();
        assert_eq!((reference.as_str(), fired, who.as_str()), ("TS-04HMASW9", 1_700_000_000_000, "amara@example.org"));
        assert_eq!(of_link(&[8; 32], &made), None);
        assert_eq!(of_link(&KEY, &made.replace("1700", "1800")), None);
        for wrong in ["", ".", "...", "TS-04HMASW9.1.zz.X", "TS-04HMASW9.x.61.X", "ä.1.61.ö", "TS-04HMASW9.1.6.0123456789ABCDEF"]
        {
            assert_eq!(of_link(&KEY, wrong), None, "{wrong}");
        }
    }

    #[test]
    fn our_own_canary_is_known_and_a_forged_one_is_not() {
        let id = canary(&KEY, DOMAIN, 42);
        assert_eq!(of_canary(&KEY, DOMAIN, &id), Some(42));
        assert_eq!(of_canary(&[8; 32], DOMAIN, &id), None);
        assert_eq!(of_canary(&KEY, DOMAIN, &id.replace("42", "43")), None);
        assert_eq!(verify(&KEY, DOMAIN, &id), None, "it is no mail of a case");
    }

    proptest! {
        #[test]
        fn no_altered_id_verifies(seq: u64, at: prop::sample::Index, with: char) {
            let id = message_id(&KEY, DOMAIN, &case(), Kind::Alert, seq);
            let mut altered: Vec<char> = id.chars().collect();
            let at = at.index(altered.len());
            prop_assume!(altered[at] != with);
            altered[at] = with;
            prop_assert_eq!(verify(&KEY, DOMAIN, &altered.iter().collect::<String>()), None);
            altered.remove(at);
            prop_assert_eq!(verify(&KEY, DOMAIN, &altered.into_iter().collect::<String>()), None);
        }

        #[test]
        fn nothing_a_stranger_makes_up_verifies(id in "\\PC{0,80}", token in "[0-9A-Z]{16}") {
            prop_assert_eq!(verify(&KEY, DOMAIN, &id), None);
            let forged = format!("{}.acknowledgement.1.{token}@{DOMAIN}", case());
            prop_assert_eq!(verify(&KEY, DOMAIN, &forged), None);
        }
    }
}
