//! Reading `[referrals]`: where a reporter is sent when their matter belongs elsewhere. Links and addresses are the
//! operator's; the sentences around them are answer texts.

use super::Referral;
use super::address::is_address;
use crate::table::{Table, Word};

/// Longest link or address: it stands on a line of its own and must survive every mail program.
const LONGEST: usize = 200;

/// Every line, in the file's order; `topics` gathers where each topic is named.
pub(super) fn read_referrals(t: &Table<'_>, topics: &mut Vec<Word>) -> Vec<Referral> {
    let mut referrals = Vec::new();
    for name in t.names() {
        let Some(place) = t.named_text(&name.value) else { continue };
        if !is_place(&place.value) {
            let help = "such as \"https://example.org/press\" or \"press@example.org\"".to_owned();
            t.problem(place.span, format!("`{}` is neither a link nor an address", name.value), Some(help));
            continue;
        }
        referrals.push(Referral { topic: name.value.clone(), place: place.value });
        topics.push(name);
    }
    referrals
}

/// A mail address, or an https link without blanks.
fn is_place(text: &str) -> bool {
    let link = text.strip_prefix("https://").is_some_and(|rest| rest.contains('.') && rest.bytes().all(|b| b.is_ascii_graphic()));
    text.len() <= LONGEST && (link || is_address(text))
}
