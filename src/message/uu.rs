//! Uuencoded files inside plain text, as old mailers send them: taken out into the manifest, so that their lines are not read as words.

/// A file found in the text.
#[derive(Debug, PartialEq, Eq)]
pub struct File {
    /// The name on its `begin` line, as written.
    pub name: String,
    /// Its decoded bytes.
    pub bytes: Vec<u8>,
}

/// Takes every complete block `begin MODE NAME` ... `end` out of a text. An incomplete one stays: it may be words after all.
pub fn extract(text: &str) -> Option<(String, Vec<File>)> {
    if !text.starts_with("begin ") && !text.contains("\nbegin ") {
        return None;
    }
    let (mut rest, mut files, mut lines) = (String::new(), Vec::new(), text.split_inclusive('\n'));
    while let Some(line) = lines.next() {
        let Some(name) = begin(line) else {
            rest.push_str(line);
            continue;
        };
        // Only as far as its lines have the right length for what they claim to hold.
        let mut ahead = lines.clone();
        let (mut bytes, mut taken) = (Vec::new(), 0);
        let mut complete = false;
        for coded in ahead.by_ref() {
            taken += 1;
            complete = coded.trim_end() == "end";
            if complete || !decode(coded.trim_end_matches(['\r', '\n']), &mut bytes) {
                break;
            }
        }
        if !complete {
            // Not read again from the same start: what was tried is text, and the search goes on behind it (linear).
            rest.push_str(line);
            rest.extend(lines.by_ref().take(taken));
            continue;
        }
        lines = ahead;
        files.push(File { name: name.to_owned(), bytes });
    }
    (!files.is_empty()).then_some((rest, files))
}

/// The file name of a `begin 644 name` line.
fn begin(line: &str) -> Option<&str> {
    let (mode, name) = line.strip_prefix("begin ")?.trim_end().split_once(' ')?;
    ((3..=4).contains(&mode.len()) && mode.bytes().all(|b| (b'0'..=b'7').contains(&b))).then_some(name.trim())
}

/// Decodes one line; false when it cannot be one.
fn decode(line: &str, out: &mut Vec<u8>) -> bool {
    let [first, coded @ ..] = line.as_bytes() else { return true };
    let six = |b: u8| b.wrapping_sub(b' ') & 0x3f;
    if !line.bytes().all(|b| (b' '..=b'`').contains(&b)) {
        return false;
    }
    let length = usize::from(six(*first));
    // Trailing blanks are often lost on the way, so fewer are accepted; many more mean it is a sentence.
    if coded.len() > length.div_ceil(3) * 4 + 2 {
        return false;
    }
    let start = out.len();
    for group in coded.chunks(4) {
        let at = |n: usize| six(group.get(n).copied().unwrap_or(b' '));
        out.extend([at(0) << 2 | at(1) >> 4, at(1) << 4 | at(2) >> 2, at(2) << 6 | at(3)]);
    }
    out.resize(start + length, 0);
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuencoded_file_leaves_the_text_for_the_manifest() {
        let (text, files) = extract("before\nbegin 644 cat.txt\n#0V%T\n`\nend\nafter\n").unwrap();
        assert_eq!(text, "before\nafter\n");
        assert_eq!(files, [File { name: "cat.txt".into(), bytes: b"Cat".to_vec() }]);
    }

    #[test]
    fn a_sentence_that_begins_with_begin_stays_text() {
        assert_eq!(extract("begin 644 reasons\nI will not give them all to you, there is no end\n"), None);
        assert_eq!(extract("\nbegin at once, please\n"), None);
    }
}
