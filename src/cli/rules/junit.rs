//! Test results in the XML that CI systems read (JUnit's): one suite for the examples, one for each file of cases.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::test::Tested;

/// The whole document.
pub fn xml(tested: &[Tested]) -> String {
    let mut suites: BTreeMap<&str, Vec<&Tested>> = BTreeMap::new();
    for each in tested {
        suites.entry(&each.suite).or_default().push(each);
    }
    let failed = |tests: &[&Tested]| tests.iter().filter(|tested| !tested.wrong.is_empty()).count();
    let all: Vec<&Tested> = tested.iter().collect();
    let mut xml = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n");
    let _ = writeln!(xml, "<testsuites name=\"triaged rules test\" tests=\"{}\" failures=\"{}\">", all.len(), failed(&all));
    for (suite, tests) in suites {
        let (name, failures) = (escaped(suite), failed(&tests));
        let _ = writeln!(xml, "  <testsuite name=\"{name}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\">", tests.len());
        tests.into_iter().for_each(|tested| case(&mut xml, tested));
        xml.push_str("  </testsuite>\n");
    }
    xml.push_str("</testsuites>\n");
    xml
}

fn case(xml: &mut String, tested: &Tested) {
    let _ = write!(xml, "    <testcase classname=\"{}\" name=\"{}\"", escaped(&tested.place), escaped(&tested.what));
    let Some(first) = tested.wrong.first() else {
        xml.push_str("/>\n");
        return;
    };
    let (first, all) = (escaped(first), escaped(&tested.wrong.join("; ")));
    let _ = writeln!(xml, "><failure message=\"{first}\">{}: {all}</failure></testcase>", escaped(&tested.place));
}

/// Safe inside an attribute and between tags. XML has no way at all to write most control characters.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&apos;"),
            '\n' | '\t' => safe.push(' '),
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
