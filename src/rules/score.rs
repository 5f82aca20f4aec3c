//! How well rules do on labelled cases: who was found, who was alarmed for nothing, and how sure one can be of it.

use std::collections::BTreeMap;

use serde::Serialize;

/// A share with its 95 % interval.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub hits: usize,
    /// Of how many.
    pub of: usize,
    /// The share itself, 0 to 1; `None` of nothing.
    pub share: Option<f64>,
    /// Lower end of the Wilson interval.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

impl Share {
    /// `hits` of `of`, with the Wilson score interval: honest for few cases and near 0 and 1, where the textbook one is not.
    pub fn new(hits: usize, of: usize) -> Self {
        const Z: f64 = 1.959_964;
        if of == 0 {
            return Share { hits, of, share: None, low: 0.0, high: 1.0 };
        }
        let (n, p) = (of as f64, hits as f64 / of as f64);
        let z2 = Z * Z / n;
        let middle = (p + z2 / 2.0) / (1.0 + z2);
        let half = Z * (p * (1.0 - p) / n + z2 / (4.0 * n)).sqrt() / (1.0 + z2);
        Share { hits, of, share: Some(p), low: (middle - half).max(0.0), high: (middle + half).min(1.0) }
    }
}

impl std::fmt::Display for Share {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.share {
            None => f.write_str("-"),
            Some(share) => {
                let (low, high) = (100.0 * self.low, 100.0 * self.high);
                write!(f, "{:.1} % ({}/{}, {low:.1}-{high:.1})", 100.0 * share, self.hits, self.of)
            }
        }
    }
}

/// One case after judging.
#[derive(Clone, Debug)]
pub struct Judged<'c> {
    /// Its label.
    pub label: &'c str,
    /// The queue the label stands for; `None`: a label that is no queue's.
    pub expected: Option<&'c str>,
    /// The queue it went to.
    pub queue: &'c str,
}

/// Labels against queues.
#[derive(Clone, Debug, Default)]
pub struct Matrix {
    /// How many of a label went to a queue.
    counts: BTreeMap<(String, String), usize>,
    expected: BTreeMap<String, Option<String>>,
}

impl Matrix {
    /// Counts one case.
    pub fn add(&mut self, case: &Judged<'_>) {
        *self.counts.entry((case.label.to_owned(), case.queue.to_owned())).or_default() += 1;
        self.expected.insert(case.label.to_owned(), case.expected.map(str::to_owned));
    }

    /// Every label with the queue it stands for, in order of name.
    pub fn labels(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.expected.iter().map(|(label, queue)| (label.as_str(), queue.as_deref()))
    }

    /// How many of `label` went to `queue`.
    pub fn count(&self, label: &str, queue: &str) -> usize {
        self.counts.get(&(label.to_owned(), queue.to_owned())).copied().unwrap_or(0)
    }

    fn sum(&self, counts: impl Fn(Option<&str>, &str) -> bool) -> usize {
        let expected = |label: &String| self.expected.get(label).and_then(Option::as_deref);
        self.counts.iter().filter(|((label, queue), _)| counts(expected(label), queue)).map(|(_, n)| n).sum()
    }

    /// Of the cases that belong in `queue`, those that went there.
    pub fn recall(&self, queue: &str) -> Share {
        let there = self.sum(|expected, went| expected == Some(queue) && went == queue);
        Share::new(there, self.sum(|expected, _| expected == Some(queue)))
    }

    /// Of the cases that went to `queue`, those that belong there. A label that is no queue's belongs in none; where
    /// `lenient` (the queue where mail ends up that nothing raised) such cases count neither way.
    pub fn precision(&self, queue: &str, lenient: bool) -> Share {
        let right = self.sum(|expected, went| expected == Some(queue) && went == queue);
        Share::new(right, self.sum(|expected, went| went == queue && (expected.is_some() || !lenient)))
    }

    /// Of the cases of `label`, those that went to one of `queues`.
    pub fn went_to(&self, label: &str, queues: &[&str]) -> Share {
        let of = self.counts.iter().filter(|((l, _), _)| l == label).map(|(_, n)| n).sum();
        Share::new(queues.iter().map(|queue| self.count(label, queue)).sum(), of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_wilsons() {
        let share = Share::new(81, 263);
        assert!((share.low - 0.2553).abs() < 1e-4 && (share.high - 0.3662).abs() < 1e-4, "{share:?}");
        let none = Share::new(0, 10);
        assert!(none.low == 0.0 && (none.high - 0.2775).abs() < 1e-4, "{none:?}");
        assert_eq!((Share::new(0, 0).share, Share::new(3, 4).to_string().as_str()), (None, "75.0 % (3/4, 30.1-95.4)"));
    }

    #[test]
    fn recall_and_precision_count_what_they_say() {
        let mut matrix = Matrix::default();
        let queue = |label| match label {
            "odd" => None,
            label => Some(label),
        };
        for (label, went, n) in [
            ("threat", "threat", 8),
            ("threat", "general", 2),
            ("general", "threat", 1),
            ("odd", "threat", 1),
            ("odd", "general", 5),
        ] {
            (0..n).for_each(|_| matrix.add(&Judged { label, expected: queue(label), queue: went }));
        }
        assert_eq!((matrix.recall("threat").hits, matrix.recall("threat").of), (8, 10));
        assert_eq!((matrix.precision("threat", false).hits, matrix.precision("threat", false).of), (8, 10));
        assert_eq!((matrix.precision("general", true).hits, matrix.precision("general", true).of), (0, 2));
        assert_eq!((matrix.went_to("odd", &["threat"]).hits, matrix.went_to("odd", &["threat"]).of), (1, 6));
    }
}
