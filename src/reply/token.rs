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
