//! Terms and how they are found: every term of every rule at once in the folded text, word by word where a term begins with a
//! whole word and letter by letter where not, so that a mail is read once however many terms there are.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use aho_corasick::{AhoCorasick, BuildError};

use super::bits::Bits;
use super::fold::{Folded, fold};
use super::hits::Hits;
use super::phrases::{self, Phrases};
use super::readings::{others, squeeze};
use super::rows::Rows;
use super::spelling::{Phrase, Piece};
use super::table::BuildQuick;

/// Number of a distinct folded term.
pub type TermId = u32;
/// Number of a distinct set of terms: what a rule asks for.
pub type GroupId = u32;

/// Positions left free between two fields, so that no `near` reaches across.
const FIELD_GAP: u32 = 1 << 12;
/// So many hits are noted between two looks at whether the time is up.
const STRETCH: usize = 1 << 12;

/// Collects terms and groups while rules are compiled.
#[derive(Debug, Default)]
pub struct Builder {
    /// Terms of one piece.
    ids: HashMap<String, TermId, BuildQuick>,
    /// Terms with a `*` inside.
    several: HashMap<Phrase, TermId, BuildQuick>,
    shown: Vec<Arc<str>>,
    groups: HashMap<Vec<TermId>, GroupId, BuildQuick>,
}

impl Builder {
    /// The number of a term; `shown` is how the operator wrote it.
    pub fn term(&mut self, phrase: &Phrase, shown: &str) -> TermId {
        let next = self.shown.len() as TermId;
        let known = if phrase.rest.is_empty() { self.ids.get(&phrase.text) } else { self.several.get(phrase) };
        match known.and_then(|id| self.shown.get_mut(*id as usize).map(|known| (*id, known))) {
            // The spelling shown must not depend on the order of files.
            Some((id, known)) if shown < &**known => {
                *known = shown.into();
                id
            }
            Some((id, _)) => id,
            None => {
                if phrase.rest.is_empty() {
                    self.ids.insert(phrase.text.clone(), next);
                } else {
                    self.several.insert(phrase.clone(), next);
                }
                self.shown.push(shown.into());
                next
            }
        }
    }

    /// The number of a set of terms.
    pub fn group(&mut self, mut terms: Vec<TermId>) -> GroupId {
        terms.sort_unstable();
        terms.dedup();
        let next = self.groups.len() as GroupId;
        *self.groups.entry(terms).or_insert(next)
    }

    /// Makes all terms findable.
    ///
    /// # Errors
    /// When the terms together are more than the automaton can hold (some hundred megabytes).
    pub fn finish(mut self) -> Result<Terms, BuildError> {
        let joined = self.join_pieces();
        let (groups, groups_of) = (self.groups.len(), self.groups_of());
        let (spellings, squeezed, numbers) = self.spellings();
        let (whole, rest): (Vec<_>, Vec<_>) = spellings.iter().partition(|(_, text)| phrases::takes(text));
        let (phrases, letters) = std::thread::scope(|scope| {
            let letters = scope.spawn(|| every_breadth(&rest));
            let mut phrases = Phrases::with_room(whole.len(), numbers);
            whole.iter().for_each(|(spelling, text)| phrases.add(text, *spelling));
            phrases.finish();
            (phrases, letters.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
        });
        let parts = joined.values().flatten().flat_map(|joined| &joined.parts).map(|(_, term)| *term);
        let pieces = Bits::new(self.shown.len(), parts);
        Ok(Terms { pieces, phrases, letters: letters?, squeezed, shown: self.shown, groups_of, groups, joined })
    }

    /// By term: the groups it belongs to, in order.
    fn groups_of(&self) -> Rows {
        let mut groups: Vec<(GroupId, &[TermId])> = self.groups.iter().map(|(terms, group)| (*group, terms.as_slice())).collect();
        groups.sort_unstable();
        let pairs = groups.into_iter().flat_map(|(group, terms)| terms.iter().map(move |term| (*term, group)));
        Rows::new(self.shown.len(), &pairs.collect::<Vec<_>>())
    }

    /// Every spelling with its number, by number the terms that it stands for where letters are squeezed, and how many numbers
    /// there are. Spelled plainly, a term's number is its spelling's too.
    fn spellings(&self) -> (Vec<(u32, Cow<'_, str>)>, Rows, u32) {
        let mut spellings: Vec<(u32, Cow<'_, str>)> = self.ids.iter().map(|(text, id)| (*id, Cow::from(text))).collect();
        // So that the tables are the same for the same rules.
        spellings.sort_unstable_by_key(|(id, _)| *id);
        let mut next = self.shown.len() as u32;
        let mut more: HashMap<String, u32, BuildQuick> = HashMap::default();
        let mut squeezed = Vec::with_capacity(spellings.len());
        for (id, text) in &spellings {
            let number = match squeeze(text) {
                Cow::Borrowed(_) => *id,
                Cow::Owned(short) => self.ids.get(&short).copied().unwrap_or_else(|| {
                    *more.entry(short).or_insert_with(|| {
                        next += 1;
                        next - 1
                    })
                }),
            };
            squeezed.push((number, *id));
        }
        let mut more: Vec<(u32, Cow<'_, str>)> = more.into_iter().map(|(text, number)| (number, Cow::from(text))).collect();
        more.sort_unstable_by_key(|(number, _)| *number);
        spellings.append(&mut more);
        (spellings, Rows::new(next as usize, &squeezed), next)
    }

    /// Gives every piece of a term with a `*` inside a number of its own, filed under its longest piece: the rarest, as a rule.
    fn join_pieces(&mut self) -> BTreeMap<TermId, Vec<Joined>> {
        let mut whole: Vec<(TermId, Phrase)> = self.several.iter().map(|(phrase, id)| (*id, phrase.clone())).collect();
        whole.sort_unstable_by_key(|(id, _)| *id);
        let mut joined: BTreeMap<TermId, Vec<Joined>> = BTreeMap::new();
        for (term, Phrase { text, rest }) in whole {
            let pieces: Vec<Piece> = std::iter::once(Piece { skipped: 0, text }).chain(rest).collect();
            let longest = pieces.iter().enumerate().max_by_key(|(_, piece)| piece.text.len()).map_or(0, |(at, _)| at);
            let parts: Vec<(u32, TermId)> = pieces.into_iter().map(|piece| (piece.skipped, self.piece(piece.text))).collect();
            joined.entry(parts[longest].1).or_default().push(Joined { term, parts });
        }
        joined
    }

    /// The number of a piece: that of a term that is the same, or a new one, which is never shown.
    fn piece(&mut self, text: String) -> TermId {
        let next = self.shown.len() as TermId;
        let id = *self.ids.entry(text).or_insert(next);
        if id == next {
            self.shown.push("*".into());
        }
        id
    }
}

/// A term with a `*` inside: parts that stand one after the other, with so many words of any kind before each.
#[derive(Debug)]
pub struct Joined {
    /// The term.
    pub term: TermId,
    /// Words skipped, and the part.
    pub parts: Vec<(u32, TermId)>,
}

/// How many bytes the letters of a text take at most. Letters of the scripts without spaces take three and more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Breadth {
    Ascii,
    Two,
    Any,
}

impl Breadth {
    fn of(text: &str) -> Self {
        match text.bytes().max() {
            Some(..0x80) | None => Breadth::Ascii,
            Some(..0xE0) => Breadth::Two,
            Some(_) => Breadth::Any,
        }
    }
}

/// Spellings that are found letter by letter: those inside words, those of scripts without spaces, and very long ones.
#[derive(Debug, Default)]
struct Letters {
    /// `None` without a single one.
    automaton: Option<AhoCorasick>,
    spellings: Vec<u32>,
}

impl Letters {
    fn new<'s>(spellings: impl Iterator<Item = &'s (u32, Cow<'s, str>)>) -> Result<Self, BuildError> {
        let (spellings, texts): (Vec<u32>, Vec<&str>) = spellings.map(|(spelling, text)| (*spelling, &**text)).unzip();
        let automaton = if texts.is_empty() { None } else { Some(AhoCorasick::new(texts)?) };
        Ok(Letters { automaton, spellings })
    }

    /// Gives the first and the last word of each place, and what was found there; `None` as soon as `give` does.
    fn scan(&self, folded: &Folded, give: &mut impl FnMut(usize, usize, u32) -> Option<()>) -> Option<()> {
        let Some(automaton) = &self.automaton else { return Some(()) };
        // Hits come in order of their ends, so the word each ends in lies at or behind the last one's.
        let (stream, tokens, mut last) = (folded.text.as_bytes(), &folded.tokens, 0);
        for hit in automaton.find_overlapping_iter(&folded.text) {
            let (start, end) = trimmed(stream, hit.start(), hit.end());
            while tokens.get(last + 1).is_some_and(|token| (token.at as usize) < end) {
                last += 1;
            }
            // The one before a later hit's end may be too far already, where that one ended in a space.
            let ends = (0..=last).rev().find(|t| (tokens[*t].at as usize) < end).unwrap_or(0);
            let begins = (0..=ends).rev().find(|t| tokens[*t].at as usize <= start).unwrap_or(0);
            give(begins, ends, self.spellings[hit.pattern().as_usize()])?;
        }
        Some(())
    }
}

fn every_breadth(spellings: &[&(u32, Cow<'_, str>)]) -> Result<[Letters; 3], BuildError> {
    let up_to = |most: Breadth| Letters::new(spellings.iter().copied().filter(|(_, text)| Breadth::of(text) <= most));
    Ok([up_to(Breadth::Ascii)?, up_to(Breadth::Two)?, up_to(Breadth::Any)?])
}

/// All terms, ready to be looked for.
#[derive(Debug, Default)]
pub struct Terms {
    /// Nearly all of them.
    phrases: Phrases,
    /// The others, by the [`Breadth`] of the text to look in: the fewer there are, the faster.
    letters: [Letters; 3],
    /// By spelling: the terms it stands for where doubled letters are single.
    squeezed: Rows,
    shown: Vec<Arc<str>>,
    /// By term.
    groups_of: Rows,
    groups: usize,
    /// The parts of terms with a `*` inside.
    pieces: Bits,
    /// Terms with a `*` inside, under the part that must be there first.
    joined: BTreeMap<TermId, Vec<Joined>>,
}

impl Terms {
    /// How the operator wrote a term.
    pub fn shown(&self, term: TermId) -> &Arc<str> {
        &self.shown[term as usize]
    }

    /// The terms that a number of the plain reading stands for. Beyond the terms' own spellings are those that no term has but
    /// squeezed.
    pub fn found<'t>(&'t self, number: &'t u32) -> impl Iterator<Item = TermId> {
        self.phrases.spellings(number).iter().copied().filter(|spelling| (*spelling as usize) < self.shown.len())
    }

    /// The groups a term belongs to.
    pub fn groups_of(&self, term: TermId) -> &[GroupId] {
        self.groups_of.of(term)
    }

    /// How many groups there are.
    pub fn groups(&self) -> usize {
        self.groups
    }

    /// Is this a part of terms with a `*` inside?
    pub fn is_piece(&self, term: TermId) -> bool {
        self.pieces.has(term)
    }

    /// Terms with a `*` inside whose longest part this is.
    pub fn joined_by(&self, part: TermId) -> &[Joined] {
        self.joined.get(&part).map_or(&[], Vec::as_slice)
    }

    /// Looks for all terms in the fields of a mail; `None` when the time was up before the end.
    pub fn scan(&self, fields: &[&str], time_is_up: &dyn Fn() -> bool) -> Option<Hits> {
        let mut hits = Hits::new(fields.iter().map(|text| text.len()).sum());
        let mut base = 0;
        for text in fields {
            if time_is_up() {
                return None;
            }
            let plain = fold(text);
            let Some(last) = plain.tokens.last() else {
                hits.read(base, plain);
                continue;
            };
            let after = base + last.to + FIELD_GAP;
            self.scan_reading(&plain, base, true, &mut hits, time_is_up)?;
            for other in others(text, &plain) {
                self.scan_reading(&other, base, false, &mut hits, time_is_up)?;
            }
            hits.read(base, plain);
            base = after;
        }
        hits.finish(self);
        Some(hits)
    }

    fn scan_reading(
        &self,
        folded: &Folded,
        base: u32,
        plain: bool,
        hits: &mut Hits,
        time_is_up: &dyn Fn() -> bool,
    ) -> Option<()> {
        let mut count = 0;
        let mut give = |begins: usize, ends: usize, found: u32| {
            count += 1;
            if count % STRETCH == 0 && time_is_up() {
                return None;
            }
            let (first, last) = (&folded.tokens[begins], &folded.tokens[ends]);
            let (from, to) = (base + first.from, base + last.to);
            if plain {
                hits.add(from, to, found);
            } else if folded.tokens[begins..=ends].iter().any(|token| token.altered) {
                let spellings = self.phrases.spellings(&found).iter();
                spellings.flat_map(|spelling| self.squeezed.of(*spelling)).for_each(|term| hits.add(from, to, *term));
            }
            Some(())
        };
        self.phrases.scan(folded, !plain, &mut give)?;
        self.letters[Breadth::of(&folded.text) as usize].scan(folded, &mut give)
    }
}

/// A hit's bytes without the spaces at its edges.
fn trimmed(stream: &[u8], start: usize, end: usize) -> (usize, usize) {
    let start = if stream[start] == b' ' { start + 1 } else { start };
    let end = if end > start && stream[end - 1] == b' ' { end - 1 } else { end };
    (start, end)
}

#[cfg(test)]
mod tests {
    use super::super::spelling::phrase;
    use super::*;

    /// The words of `text` that `term` is found in.
    fn found(term: &str, text: &str) -> Vec<String> {
        let mut builder = Builder::default();
        let id = builder.term(&phrase(term).unwrap(), term);
        let group = builder.group(vec![id]);
        let hits = builder.finish().unwrap().scan(&[text], &|| false).unwrap();
        let Some(bits) = hits.of(group) else { return Vec::new() };
        bits.within(0..hits.places().len() as u32).map(|place| text[hits.bytes(place).1].to_owned()).collect()
    }

    #[test]
    fn white_space_and_punctuation_between_words_do_not_matter() {
        assert_eq!(found("kill myself", "I'll KILL,\n -- myself."), ["KILL,\n -- myself"]);
        assert_eq!(found("kill myself", "skill myself, kill myselfish"), [""; 0]);
    }

    #[test]
    fn a_star_opens_an_end_of_the_word() {
        assert_eq!(found("suicid*", "suicide and suicidal, not parasuicide"), ["suicide", "suicidal"]);
        assert_eq!(found("*suicide", "suicide and parasuicide, not suicides"), ["suicide", "parasuicide"]);
        assert_eq!(found("*mord*", "Selbstmordgedanken"), ["Selbstmordgedanken"]);
    }

    #[test]
    fn a_term_is_a_substring_in_scripts_without_spaces() {
        assert_eq!(found("杀了你", "我要 杀，了你们!"), ["杀，了你"]);
        assert_eq!(found("ฆ่าตัวตาย", "ฉันอยากฆ่าตัวตายคืนนี้").len(), 1);
    }

    #[test]
    fn disguises_are_seen_through_and_shown_as_written() {
        assert_eq!(found("kill you", "I will k1ll you"), ["k1ll you"]);
        assert_eq!(found("kill you", "I will k.i.l.l you"), ["k.i.l.l you"]);
        assert_eq!(found("kill you", "I will kiiiill you"), ["kiiiill you"]);
        assert_eq!(found("suicide", "su\u{456}cide"), ["su\u{456}cide"]);
        assert_eq!(found("god", "good"), [""; 0]);
    }

    #[test]
    fn a_star_inside_a_phrase_opens_that_word() {
        assert_eq!(found("kill* you", "killing you, kill you; killing of you"), ["killing you", "kill you"]);
        assert_eq!(found("*mord und", "Selbstmord und Mord und Mordlust und"), ["Selbstmord und", "Mord und"]);
        assert_eq!(found("i am kill* my *self", "I am killing my ownself, I am killing you"), ["I am killing my ownself"]);
        assert_eq!(found("kill* you*", "he k1lled yours"), ["k1lled yours"]);
    }

    #[test]
    fn a_star_by_itself_is_one_word_whatever_it_is() {
        assert_eq!(found("i * you", "I hate you, I you, I do hate you"), ["I hate you"]);
        assert_eq!(found("i * * you", "I hate you, I you, I do hate you"), ["I do hate you"]);
        assert_eq!(found("i kill* * now", "i killed her now"), ["i killed her now"]);
    }

    #[test]
    fn the_scan_ends_when_the_time_is_up() {
        let mut builder = Builder::default();
        builder.term(&phrase("a").unwrap(), "a");
        let terms = builder.finish().unwrap();
        assert!(terms.scan(&["a", "a"], &|| true).is_none());
        let asked = std::cell::Cell::new(0);
        let later = || asked.replace(asked.get() + 1) >= 1;
        assert!(terms.scan(&[&"a ".repeat(STRETCH * 2)], &later).is_none(), "asked within a long field too");
    }
}
