//! Vetoes: which of the places that satisfy a condition are struck, and by what.

use super::bits::Bits;
use super::compile::{ANY, Language, NoneNear, Rule};
use super::judge::Mail;
use super::near::{ANYWHERE, close_to, sentence};
use super::places::PlaceId;
use super::terms::GroupId;

/// Where a veto was found, and the group it is of.
pub type Veto = (PlaceId, GroupId);

/// What may strike the hits of one rule in one mail.
pub struct Strikes<'r> {
    /// Of `none`: its first place in each language.
    none: Vec<(Language, Veto)>,
    /// Of `none_near`, with its places in all languages.
    close: Vec<(&'r NoneNear, &'r Bits)>,
}

impl<'r> Strikes<'r> {
    /// Those of a rule.
    pub fn of(mail: &'r Mail<'_>, rule: &'r Rule) -> Self {
        let first = |group: GroupId| {
            let bits = mail.hits.of(group)?;
            mail.hits.in_fields(rule.fields).find_map(|range| bits.first(range)).map(|place| (place, group))
        };
        let none = rule.none.iter().flatten().filter_map(|(language, group)| Some((*language, first(*group)?))).collect();
        // One in a field that the rule does not look at is close to nothing.
        let close = rule.none_near.iter().filter_map(|near| Some((near, mail.hits.of(near.all)?))).collect();
        Strikes { none, close }
    }

    /// Is a window struck? `languages` tells its languages; they are not asked for where it makes no difference.
    pub fn strike(&self, mail: &Mail<'_>, window: &[PlaceId], languages: impl Fn() -> Vec<Language>) -> bool {
        if self.none.is_empty() && !self.close.iter().any(|(near, bits)| stands_close(mail, near, bits, window).is_some()) {
            return false;
        }
        self.find(mail, window, &[]).is_some() || self.find(mail, window, &languages()).is_some()
    }

    /// The veto that strikes a window of these languages, if any does: one that stands close, else one that stands anywhere.
    /// A word of one language says nothing about a thought in another, unless the mail is written in that language.
    pub fn find(&self, mail: &Mail<'_>, window: &[PlaceId], languages: &[Language]) -> Option<Veto> {
        let groups = self.close.iter().flat_map(|(near, _)| near.words.iter().map(move |(of, group)| (near, *of, *group)));
        let striking = groups.filter(|(_, of, _)| strikes(mail, *of, languages));
        let close =
            striking.filter_map(|(near, _, group)| Some((stands_close(mail, near, mail.hits.of(group)?, window)?, group)));
        let order = |(place, group): &Veto| (*place, mail.term_at(*place, *group));
        close.min_by_key(order).or_else(|| self.none(mail, languages))
    }

    /// The first veto of `none` that strikes hits of these languages.
    pub fn none(&self, mail: &Mail<'_>, languages: &[Language]) -> Option<Veto> {
        let striking = self.none.iter().filter(|(of, _)| strikes(mail, *of, languages));
        let order = |(of, (place, group)): &&(Language, Veto)| (*place, mail.term_at(*place, *group), *of);
        striking.min_by_key(order).map(|(_, veto)| *veto)
    }
}

fn stands_close(mail: &Mail<'_>, near: &NoneNear, vetoes: &Bits, window: &[PlaceId]) -> Option<PlaceId> {
    let extent = mail.hits.places().extent(window);
    let bounds = if near.same_sentence { sentence(mail.borders(), extent) } else { ANYWHERE };
    close_to(mail.hits.places(), vetoes, extent, near.within, bounds)
}

/// Does a veto of language `veto` strike a hit that is of these languages, in this mail?
fn strikes(mail: &Mail<'_>, veto: Language, hit: &[Language]) -> bool {
    veto == ANY || mail.language == Some(veto) || hit.iter().any(|language| *language == ANY || *language == veto)
}
