//! The examples inside rule files, run by the very engine that judges mail.

use super::RuleSet;
use super::compile::Rule;
use super::judge::{Mail, Outcome};

/// A text that a rule must, or must not, fire on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    /// Id of the rule.
    pub rule: String,
    /// The text, read as the body of a mail (or as the rule's first field, if it does not look at bodies).
    pub text: String,
    /// True for `matches`, false for `rejects`.
    pub should_match: bool,
}

/// An example that did not turn out as its rule says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExampleFault {
    /// The example.
    pub example: Example,
    /// What happened instead, in a sentence.
    pub found: String,
}

impl RuleSet {
    /// Every example of every rule, in order of rule id.
    pub fn examples(&self) -> Vec<Example> {
        self.rules.iter().flat_map(examples).collect()
    }

    /// Runs every example and returns those that turned out otherwise. Facts a rule asks for are taken as given.
    pub fn run_examples(&self) -> Vec<ExampleFault> {
        self.rules.iter().flat_map(|rule| examples(rule).into_iter().filter_map(|e| self.run(rule, e))).collect()
    }

    fn run(&self, rule: &Rule, example: Example) -> Option<ExampleFault> {
        let mut texts = [""; 6];
        let field = if rule.fields & 0b10 != 0 { 1 } else { rule.fields.trailing_zeros() as usize };
        texts[field.min(5)] = &example.text;
        let mail = Mail::scan(texts, None, self, &|| false)?;
        let found = match (mail.outcome(rule), example.should_match) {
            (Outcome::Fired(..), true) | (Outcome::Silent | Outcome::Vetoed(_), false) => return None,
            (Outcome::Fired(_, hits), false) => match hits.first() {
                Some(hit) => format!("it fired on \"{}\"", hit.text),
                None => "it fired".to_owned(),
            },
            (Outcome::Silent, true) => "it found nothing".to_owned(),
            (Outcome::Vetoed(by), true) => format!("it was stopped by \"{}\"", by.text),
        };
        Some(ExampleFault { example, found })
    }
}

fn examples(rule: &Rule) -> Vec<Example> {
    let example = |should_match| move |text: &String| Example { rule: rule.id.clone(), text: text.clone(), should_match };
    rule.matches.iter().map(example(true)).chain(rule.rejects.iter().map(example(false))).collect()
}
